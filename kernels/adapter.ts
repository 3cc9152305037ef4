/**
 * The machine's adapter: finding it, naming it, and its limits.
 *
 * @module
 */

/** What identifies the machine that computed a result. */
export interface AdapterFingerprint {
  /** What the driver calls the adapter. */
  readonly description: string;
  /** Its maker, as far as the driver tells. */
  readonly vendor: string;
  /** Its number or name among the maker's. */
  readonly device: string;
  /** `vulkan`, `metal`, `dx12`, or `gl`: the last one is guessed from missing features (Deno does not tell). */
  readonly backend: string;
  /** Driver and version, where they can be had. */
  readonly driver?: string;
  /** WebGPU limits by name. */
  readonly limits: Readonly<Record<string, number>>;
}

const WANTED_LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupsPerDimension",
  "maxUniformBufferBindingSize",
] as const;

function quietDriver(): void {
  // The Vulkan and EGL loaders complain on stderr when XDG_RUNTIME_DIR is unset. Without the permission they may: the line
  // is harmless, and a question to the user is not.
  const variable = "XDG_RUNTIME_DIR";
  if (Deno.permissions.querySync({ name: "env", variable }).state !== "granted") return;
  if (!Deno.env.get(variable)) Deno.env.set(variable, "/tmp");
}

/**
 * The adapter that devices are opened on.
 *
 * @throws {Error} When there is none.
 */
export async function requestAdapter(): Promise<GPUAdapter> {
  quietDriver();
  const adapter = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) {
    throw new Error(
      "No WebGPU adapter was found: run ./setup.sh (it installs a software Vulkan driver where there is no GPU) and try again",
    );
  }
  return adapter;
}

/** The limits that kernels ask for, by name. */
export function limitsOf(limits: GPUSupportedLimits): Record<string, number> {
  return Object.fromEntries(WANTED_LIMITS.map((name) => [name, limits[name] as number]));
}

/** Names an adapter. */
export function fingerprintOf(adapter: GPUAdapter): AdapterFingerprint {
  const { vendor, device, description, architecture } = adapter.info;
  const backend = Deno.build.os === "darwin"
    ? "metal"
    : Deno.build.os === "windows"
    ? "dx12"
    : adapter.features.has("shader-f16") || adapter.features.has("bgra8unorm-storage")
    ? "vulkan"
    : "gl";
  return {
    description: description || device || "unnamed adapter",
    vendor,
    device,
    backend,
    ...(architecture ? { driver: architecture } : {}),
    limits: limitsOf(adapter.limits),
  };
}

/** Names the adapter that `openGpu` would use, without opening a device. */
export async function adapterFingerprint(): Promise<AdapterFingerprint> {
  return fingerprintOf(await requestAdapter());
}
