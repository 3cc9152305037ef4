/** Names for zod's types, so that signatures say what they want of a schema. */

import type { z } from "zod";

/** Any schema. */
export type AnySchema = z.ZodType;

/** A schema of an object: parameters. */
export type ObjectSchema = z.ZodObject;

/** What a schema takes: defaults may be left out. */
export type SchemaInput<P extends AnySchema> = P["_zod"]["input"];

/** What a schema gives: defaults filled in. */
export type SchemaOutput<P extends AnySchema> = P["_zod"]["output"];

/** Stands for the schema of a stage that takes no parameters; a mark in types only. */
export type NoParameters = ObjectSchema & {
  /** Only in types. */
  readonly "takes no parameters": true;
};
