/** Opens pages in a real headless Chromium, where there is one that may be started. */

import look from "./chromium_look.js" with { type: "text" };
import { canUseFiles } from "./permissions.ts";

const names = ["chromium", "chromium-browser", "google-chrome"];

/** The browser that may be started; undefined where there is none. */
const browser = canUseFiles
  ? names.find((command) => Deno.permissions.querySync({ name: "run", command }).state === "granted")
  : undefined;

if (browser === undefined) {
  console.log(`skipped: tests that look at pages want ${names.join(", ")} installed and --allow-run for it`);
}

/** A test that opens pages; without a browser a line says that it is skipped. It gets a temporary folder. */
export function pageTest(name: string, body: (folder: string) => Promise<void>): void {
  Deno.test({
    name: browser === undefined ? `${name} [skipped: no Chromium]` : name,
    ignore: browser === undefined,
    async fn() {
      const folder = await Deno.makeTempDir({ prefix: "stillroom_page_" });
      try {
        await body(folder);
      } finally {
        await Deno.remove(folder, { recursive: true }).catch(() => {});
      }
    },
  });
}

/** What a page looks like from inside. */
export interface PageCheck {
  /** Its pictures: width and height that were decoded, 0 where that failed. */
  readonly images: readonly { readonly alt: string; readonly width: number; readonly height: number }[];
  /** SVG elements with their boxes, pixels. */
  readonly charts: readonly { readonly label: string; readonly width: number; readonly height: number }[];
  /** Addresses that it loaded or wanted to load. */
  readonly requests: readonly string[];
  /** Errors of its scripts, and what its policy refused. */
  readonly errors: readonly string[];
  /** Names that links inside the page lead to, and that nothing in it has. */
  readonly deadAnchors: readonly string[];
  /** Headings of depth 2 and 3: name and text. */
  readonly headings: readonly (readonly [slug: string, text: string])[];
  /** The table of contents: what each link leads to, and its text. */
  readonly contents: readonly (readonly [slug: string, text: string])[];
  /** How far the page is wider than the window, pixels. */
  readonly overflow: number;
  /** Colour behind the text, as CSS. */
  readonly background: string;
}

/** How a page is opened. */
export interface OpenOptions {
  /** Width of the window, CSS pixels. */
  readonly width?: number;
  /** Whether the reader prefers dark colours. */
  readonly dark?: boolean;
}

/**
 * Opens a page with its own policy, into which only the script that looks is let.
 *
 * @param folder where files may be written
 * @throws {Error} when the browser does not answer, or its console has an error
 */
export async function openPage(folder: string, html: string, options: OpenOptions = {}): Promise<PageCheck> {
  const { width = 1280, dark = false } = options;
  const policy = /style-src 'unsafe-inline'">/;
  if (!policy.test(html)) throw new Error("Expected a page with a policy that allows no script, found another one");
  const looked = html.replace(
    policy,
    `style-src 'unsafe-inline'; script-src 'unsafe-inline'">\n<script>${look}</script>`,
  );
  await Deno.writeTextFile(`${folder}/looked.html`, looked);
  await Deno.writeTextFile(
    `${folder}/window.html`,
    `<!doctype html><title>Window</title><pre>nothing</pre>
<script>addEventListener("message", ({ data }) => document.querySelector("pre").textContent = btoa(encodeURIComponent(data)));</script>
<iframe src="looked.html" width="${width}" height="900"></iframe>`,
  );
  const { stdout, stderr } = await run(folder, dark, ["--dump-dom", `file://${folder}/window.html`]);
  const told = /<pre>([A-Za-z0-9+/=]+)<\/pre>/.exec(stdout)?.[1];
  if (told === undefined || told === "nothing") throw new Error(`Chromium did not answer: ${stdout}\n${stderr}`);
  const complaints = stderr.split("\n").filter((line) => /CONSOLE/.test(line));
  const check = JSON.parse(decodeURIComponent(atob(told))) as PageCheck;
  return { ...check, errors: [...check.errors, ...complaints] };
}

async function run(
  folder: string,
  dark: boolean,
  args: readonly string[],
): Promise<{ stdout: string; stderr: string }> {
  const profile = await Deno.makeTempDir({ dir: folder, prefix: "profile_" });
  const { stdout, stderr } = await new Deno.Command(browser ?? "chromium", {
    args: [
      ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
      ...["--disable-background-networking", "--disable-component-update", "--disable-sync", "--enable-logging=stderr"],
      ...(dark ? ["--blink-settings=preferredColorScheme=0"] : []),
      `--user-data-dir=${profile}`,
      ...["--window-size=1400,1000", "--virtual-time-budget=10000", "--timeout=30000"],
      ...args,
    ],
    // Deno starts no program that inherits LD_*.
    clearEnv: true,
    env: { PATH: Deno.env.get("PATH") ?? "/usr/bin", HOME: folder },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return { stdout: text.decode(stdout), stderr: text.decode(stderr) };
}
