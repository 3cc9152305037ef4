/**
 * Tests of what you add: {@linkcode testKernel} makes every test of a kernel from its record.
 *
 * ```ts ignore
 * import { openGpu } from "stillroom/kit";
 * import { testKernel } from "stillroom/testing";
 * import { wavesKernel } from "./waves_kernel.ts";
 *
 * testKernel(await openGpu(), wavesKernel);
 * ```
 *
 * @module
 */
export { testKernel } from "./kernels/kernel_checks.ts";
