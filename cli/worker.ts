/** The GPU worker: device stages run here, so that the main thread stays alive for progress, heartbeat and Ctrl-C. */

import { serveWorker, type WorkerScope } from "../runner/worker_guest.ts";
import { gpuEnvironment } from "./environment.ts";

serveWorker(self as unknown as WorkerScope, gpuEnvironment());
