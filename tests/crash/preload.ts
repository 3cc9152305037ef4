/**
 * Faults for a program that is run as it is: `deno run --preload=tests/crash/preload.ts ...` with the {@link Order} as JSON in
 * the environment variable STILLROOM_CRASH. Deno preloads nothing into workers: they are started with worker_preload.ts. An order
 * for the other thread is left alone.
 */

import { type Order, orderFaults } from "./faults.ts";

/** An {@link Order} for one thread of a program. */
export interface ThreadOrder extends Order {
  /** The thread; the main one when left out. */
  readonly thread?: "main" | "worker";
}

const text = Deno.env.get("STILLROOM_CRASH");
if (text !== undefined) {
  const { thread = "main", ...order } = JSON.parse(text) as ThreadOrder;
  const here = "WorkerGlobalScope" in globalThis ? "worker" : "main";
  if (thread === here) orderFaults(order);
  if (here === "main") {
    const Plain = Worker;
    globalThis.Worker = class extends Plain {
      constructor(url: string | URL, options?: WorkerOptions) {
        super(new URL(`./worker_preload.ts?${encodeURIComponent(String(url))}`, import.meta.url), options);
      }
    };
  }
}
