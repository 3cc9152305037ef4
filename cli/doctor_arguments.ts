/** What `doctor` may be told: nothing. */

import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { command, constant } from "@optique/core/primitives";
import { examples } from "./options.ts";

/** The command `doctor`. */
export const doctor = command("doctor", object({ action: constant("doctor") }), {
  brief: message`Look at the machine: adapter, limits, a self-check on the device, versions.`,
  footer: examples(["deno task doctor", "whether experiments can run here, and what to do if not"]),
});
