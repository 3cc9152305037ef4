/** Ends a process and all that it started. A program of its own, because to signal any process needs all permissions. */

if (import.meta.main) Deno.kill(-Number(Deno.args[0]), "SIGKILL");
