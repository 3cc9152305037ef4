import assert from "node:assert/strict";
import { failureText, StageError, UsageError } from "./errors.ts";

Deno.test("failureText() is the message alone where the error says that it is the user's, else the stack", () => {
  const other = Object.assign(new RangeError("Torn, mend it"), { userFacing: true });
  for (const error of [new UsageError("a"), new StageError("b"), other]) {
    assert.equal(failureText(error), error.message);
  }
  for (const error of [new RangeError("c"), Object.assign(new Error("d"), { userFacing: "yes" })]) {
    assert.match(failureText(error), /^(?:RangeError: c|Error: d)\n +at /);
  }
  assert.equal(failureText("thrown text"), "thrown text");
});
