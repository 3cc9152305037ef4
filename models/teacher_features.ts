/**
 * A teacher's feature images as tables for the device: standardised per channel, premultiplied by opacity like everything that is
 * composited, four 8-bit numbers per word, and only pixels that show something. As f32 they would be 900 MB at 200 x 200 x 100 views.
 *
 * @module
 */
import { FEATURE_RANGE, FEATURES_EMPTY, FEATURES_UNKNOWN, packSnorm4 } from "../kernels/losses/feature_loss.ts";
import { DeviceLimitError, mib } from "../kernels/memory_plan.ts";
import { SceneError } from "../scenes/errors.ts";
import { FEATURE_CHANNELS, STATISTIC_CHANNELS } from "./splat_features.ts";
import { readTeacherFile, type Teacher, teacherFile, type TeacherView } from "./teacher.ts";

/** What of a teacher's exports becomes features. */
export type FeatureKind = "features" | "statistics";

/** Channels of each kind, multiples of 4. */
const KINDS: Readonly<Record<FeatureKind, number>> = { features: FEATURE_CHANNELS, statistics: STATISTIC_CHANNELS };

/** Opacity above which a pixel belongs to the foreground. */
export const FOREGROUND_ALPHA = 1 / 255;
/** A channel whose deviation is below this share of 1 + |mean| says nothing but how f32 was rounded. */
const FLAT = 1e-5;

/** What the feature loss reads, and how it came about. */
export interface TeacherFeatures {
  /** Channels per pixel, a multiple of 4: those of the kinds, one kind after another. */
  readonly channels: number;
  /** `[row][channels / 4]` four snorm8 per word, of (f - alpha mean) / deviation; 1.0 means `FEATURE_RANGE`. */
  readonly rows: Uint32Array<ArrayBuffer>;
  /** `[pixel over all views]` `FEATURES_UNKNOWN` (a view that did not fit), `FEATURES_EMPTY` (background) or a row. */
  readonly index: Uint32Array<ArrayBuffer>;
  /** Per channel, over foreground pixels of the views used; f / alpha, not premultiplied. */
  readonly mean: Float64Array;
  /** The same; 0 where the channel is flat: its values are all 0, too. */
  readonly deviation: Float64Array;
  /** Share of all values in `rows` that lay beyond `FEATURE_RANGE`. */
  readonly clippedShare: number;
  /** Views whose features are known. */
  readonly views: number;
}

/** The feature images of one view. */
interface FeatureView {
  readonly alpha: Float32Array;
  readonly planes: readonly { readonly kind: FeatureKind; readonly data: Float32Array }[];
}

/**
 * Reads the views twice, one at a time: for mean and deviation, then for the tables. Of views that do not fit together it takes
 * as many as fit, evenly spread.
 *
 * @param options `kinds`: what to use; `views`: in the order in which their pixels are numbered, default all of the teacher's;
 * `mostBytes`: what `rows` may take, for example a device's largest storage binding
 * @throws {DeviceLimitError} When not even one view fits.
 * @throws {SceneError} When a file is missing or damaged, holds a number that is not finite, or no pixel shows anything.
 */
export async function teacherFeatures<K extends FeatureKind>(
  teacher: Pick<Teacher<"colour" | K>, "folder" | "views" | "exports">,
  options: { readonly kinds: readonly K[]; readonly mostBytes: number; readonly views?: readonly TeacherView[] },
): Promise<TeacherFeatures> {
  const { kinds, mostBytes, views = teacher.views } = options;
  const channels = kinds.reduce((sum, kind) => sum + KINDS[kind], 0), words = channels / 4;
  if (words === 0) throw new RangeError("Features need at least one kind: found none");
  // The types have checked what is exported; they cannot follow it through the names of files.
  const source = teacher as unknown as Pick<Teacher, "folder" | "exports">;

  const alphas: Float32Array[] = [];
  for (const view of views) alphas.push(checked(await readTeacherFile(source, view, "alpha"), source, view, "alpha"));
  const foreground = alphas.map((alpha) => alpha.reduce((n, a) => n + (a > FOREGROUND_ALPHA ? 1 : 0), 0));
  const used = viewsThatFit(foreground, Math.floor(mostBytes / (4 * words)), 4 * words);
  const total = used.reduce((sum, v) => sum + foreground[v]!, 0);
  if (total === 0) {
    throw new SceneError(
      source.folder,
      "No pixel of the teacher's views shows anything, so there are no features to learn",
      "train the teacher longer or export views that show the scene",
    );
  }
  const read = async (v: number): Promise<FeatureView> => {
    const view = views[v]!, planes = [];
    for (const kind of kinds) {
      planes.push({ kind, data: checked(await readTeacherFile(source, view, kind), source, view, kind) });
    }
    return { alpha: alphas[v]!, planes };
  };

  const moments = new Moments(channels);
  for (const v of used) eachForeground(await read(v), channels, (row, alpha) => moments.add(row, alpha));
  const { mean, deviation } = moments.result();

  const rows = new Uint32Array(total * words);
  const starts = [0];
  for (const alpha of alphas) starts.push(starts.at(-1)! + alpha.length);
  const index = new Uint32Array(starts.at(-1)!).fill(FEATURES_UNKNOWN);
  let next = 0, clipped = 0;
  const standard = new Float64Array(channels);
  for (const v of used) {
    index.fill(FEATURES_EMPTY, starts[v], starts[v + 1]);
    eachForeground(await read(v), channels, (row, alpha, pixel) => {
      for (let c = 0; c < channels; c++) {
        const z = deviation[c] === 0 ? 0 : (row[c]! - alpha * mean[c]!) / deviation[c]! / FEATURE_RANGE;
        if (Math.abs(z) > 1) clipped++;
        standard[c] = Math.min(1, Math.max(-1, z));
      }
      for (let w = 0; w < words; w++) rows[next * words + w] = packSnorm4(standard, 4 * w);
      index[starts[v]! + pixel] = next++;
    });
  }
  return { channels, rows, index, mean, deviation, clippedShare: clipped / (total * channels), views: used.length };
}

/** As many views as fit into `capacity` rows, evenly spread over all. */
function viewsThatFit(rows: readonly number[], capacity: number, bytesPerRow: number): number[] {
  const n = rows.length;
  for (let count = n; count > 0; count--) {
    const chosen = Array.from({ length: count }, (_, i) => Math.floor((i + 0.5) * n / count));
    if (chosen.reduce((sum, v) => sum + rows[v]!, 0) <= capacity) return chosen;
  }
  throw new DeviceLimitError(
    `Features of one of the teacher's ${n} views need more than the ${
      mib(capacity * bytesPerRow)
    } MiB that are allowed: export smaller views`,
  );
}

/** Calls with the premultiplied features of each foreground pixel; the row is used again. */
function eachForeground(
  { alpha, planes }: FeatureView,
  channels: number,
  use: (row: Float64Array, alpha: number, pixel: number) => void,
): void {
  const row = new Float64Array(channels);
  for (const [pixel, a] of alpha.entries()) {
    if (!(a > FOREGROUND_ALPHA)) continue;
    let at = 0;
    for (const { kind, data } of planes) {
      const width = KINDS[kind];
      // Statistics are means along the ray, features are sums.
      const factor = kind === "statistics" ? a : 1;
      for (let c = 0; c < width; c++) row[at++] = data[pixel * width + c]! * factor;
    }
    use(row, a, pixel);
  }
}

/** Mean and deviation per channel of f / alpha. */
class Moments {
  readonly #sum: Float64Array;
  readonly #squares: Float64Array;
  #count = 0;
  /** The first pixel's values. Near them, a variance is no small difference of large numbers. */
  #origin: Float64Array | undefined;

  constructor(channels: number) {
    this.#sum = new Float64Array(channels);
    this.#squares = new Float64Array(channels);
  }

  add(row: Float64Array, alpha: number): void {
    const origin = this.#origin ??= row.map((f) => f / alpha);
    for (let c = 0; c < row.length; c++) {
      const x = row[c]! / alpha - origin[c]!;
      this.#sum[c]! += x;
      this.#squares[c]! += x * x;
    }
    this.#count++;
  }

  result(): { mean: Float64Array; deviation: Float64Array } {
    const n = this.#count, offset = this.#sum.map((s) => s / n);
    const mean = offset.map((x, c) => x + this.#origin![c]!);
    const deviation = this.#squares.map((s, c) => {
      const value = Math.sqrt(Math.max(0, s / n - offset[c]! ** 2));
      return value > FLAT * (1 + Math.abs(mean[c]!)) ? value : 0;
    });
    return { mean, deviation };
  }
}

/** The same data, all of it finite. */
function checked<T extends Float32Array>(
  data: T,
  { folder }: Pick<Teacher, "folder">,
  view: TeacherView,
  file: FeatureKind | "alpha",
): T {
  // A loop: findIndex with a function takes several times as long, and features are two million numbers a view.
  let bad = 0;
  while (bad < data.length && Number.isFinite(data[bad]!)) bad++;
  if (bad === data.length) return data;
  throw new SceneError(
    teacherFile(folder, view, file),
    `Expected finite numbers, found ${data[bad]} at element ${bad}`,
    "remove the teacher's folder and run the experiment again",
  );
}
