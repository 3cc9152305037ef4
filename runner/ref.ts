/** Typed references: what a stage call returns while the plan is built, and what a stage declares it takes. */

/** Key of the value's type in references and inputs; there is nothing behind it when the program runs. */
export declare const valueType: unique symbol;
/** Key of the metrics' names in references. */
export declare const metricType: unique symbol;

/**
 * A promise of a value of type `T`, made by a node of the plan. Covariant: a `Ref<Teacher<"colour" | "depth">>` may stand
 * where a `Ref<Teacher<"colour">>` is wanted, never the other way.
 *
 * @typeParam T the value that the node's artifact loads
 * @typeParam M names of the metrics that the node reports
 */
export interface Ref<out T, out M extends string = string> {
  /** Name of the node in the plan. */
  readonly node: string;
  /** What the node provides, as far as that is known before running (see `provides` of a stage). */
  readonly capabilities: readonly string[];
  /** Only in types: the value. */
  readonly [valueType]?: T;
  /** Only in types: the metrics. */
  readonly [metricType]?: M;
}

/** The value type of a reference. */
export type RefValue<R> = R extends Ref<infer T, string> ? T : never;

/** Declares one input of a stage. */
export interface Input<out T, out Optional extends boolean = boolean> {
  /** True when the input may be left out. */
  readonly optional: Optional;
  /** Only in types: the value. */
  readonly [valueType]?: T;
}

/** The declared inputs of a stage, by name. */
export type Inputs = Readonly<Record<string, Input<unknown>>>;

/** An input that every call of the stage must give. */
export function input<T>(): Input<T, false> {
  return { optional: false };
}

/** An input that a call of the stage may leave out; the stage then sees `undefined`. */
export function optionalInput<T>(): Input<T, true> {
  return { optional: true };
}

/** The value type of an input. */
export type InputValue<I> = I extends Input<infer T> ? T : never;
/** Names of the inputs that every call must give. */
export type RequiredNames<I extends Inputs> = {
  [K in keyof I]: I[K] extends Input<unknown, false> ? K : never;
}[keyof I];
/** Names of the inputs that may be left out. */
export type OptionalNames<I extends Inputs> = {
  [K in keyof I]: I[K] extends Input<unknown, false> ? never : K;
}[keyof I];

/** The references that a stage call takes. */
export type InputRefs<I extends Inputs> =
  & { readonly [K in RequiredNames<I>]: Ref<InputValue<I[K]>> }
  & { readonly [K in OptionalNames<I>]?: Ref<InputValue<I[K]>> | undefined };

/** The loaded values that a stage's `run` gets. */
export type InputValues<I extends Inputs> =
  & { readonly [K in RequiredNames<I>]: InputValue<I[K]> }
  & { readonly [K in OptionalNames<I>]?: InputValue<I[K]> | undefined };
