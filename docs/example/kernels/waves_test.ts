import { openGpu } from "stillroom/kit";
import { testKernel } from "stillroom/testing";
import { wavesKernel } from "./waves_kernel.ts";

testKernel(await openGpu(), wavesKernel);
