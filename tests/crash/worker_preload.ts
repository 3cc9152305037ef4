/** A worker that gets its faults before the module that it is for, whose URL is in the query. See preload.ts. */

import "./preload.ts";

await import(decodeURIComponent(new URL(import.meta.url).search.slice(1)));
