/** A worker like `cli/worker.ts` whose device is a plain object. */

import { serveWorker, type WorkerScope } from "../../runner/worker_guest.ts";
import { fakeEnvironment } from "./fake_environment.ts";

serveWorker(self as unknown as WorkerScope, fakeEnvironment());
