/** A worker that gets its faults before the module that it is for, whose URL is in the query. See preload.ts. */

import "./preload.ts";

// What is sent while the module is loading would find nobody listening, and be lost.
const scope = self as unknown as { onmessage: ((event: MessageEvent) => void) | null };
const early: MessageEvent[] = [];
scope.onmessage = (event) => early.push(event);
await import(decodeURIComponent(new URL(import.meta.url).search.slice(1)));
for (const event of early) scope.onmessage(event);
