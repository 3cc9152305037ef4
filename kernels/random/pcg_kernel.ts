/**
 * Registry record of the PCG random words: the device's equal the host's to the last bit.
 *
 * @module
 */
import type { ExactKernel } from "../kernel.ts";
import { pcg3, randomWords } from "./pcg.ts";

/** Record of the generator; the request is stream, dimension and number of words. */
export const pcgKernel: ExactKernel<"request", "words"> = {
  name: "pcg random words",
  kind: "exact",
  sample: (rng, size) => ({ request: new Uint32Array([rng.next(), rng.integer(8), size]) }),
  forward: async (gpu, { request: [stream, dimension, count] }) => ({
    words: await randomWords(gpu, stream!, dimension!, count!),
  }),
  reference: ({ request }) => ({
    words: Uint32Array.from({ length: request[2]! }, (_, i) => pcg3(request[0]!, i, request[1]!)),
  }),
  tolerance: {},
  poison: { forward: [] },
  limits: ({ request }) => [{ name: "random words", bytes: request[2]! * 4 }],
  manyWorkgroups: { limit: 2, size: 133 },
};
