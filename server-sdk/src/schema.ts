/** Payload types by group: what an application's one schema says about every name. */
import type { StandardSchema } from './standard-schema.ts';

/** Without a schema, every group carries anything. */
export type AnyGroups = Record<string, unknown>;

/** The names that a pattern such as `room:{id}` stands for, as a type. */
export type NamesOf<Pattern extends string> =
  Pattern extends `${infer Before}{${string}}${infer After}`
    ? `${Before}${string}${NamesOf<After>}`
    : Pattern;

/** `user` and `hub` in a schema are no groups: they type what `client.user()` and `hub()` bring. */
type Reserved = '@user' | '@hub';

type PatternsOf<Schema> = Exclude<keyof Schema & string, Reserved>;

/** Every group name that the schema has a pattern for. */
export type GroupNameOf<Schema> = {
  [Pattern in PatternsOf<Schema>]: NamesOf<Pattern>;
}[PatternsOf<Schema>];

/** What a group of this name carries. */
export type PayloadOf<Schema, Name extends string> = {
  [Pattern in PatternsOf<Schema>]: Name extends NamesOf<Pattern> ? Schema[Pattern] : never;
}[PatternsOf<Schema>];

/** What a reserved key of the schema says; anything where it says nothing. */
export type ReservedPayloadOf<Schema, Key extends Reserved> = Key extends keyof Schema
  ? Schema[Key]
  : unknown;

/** Validators by the schema's keys. They must not be asynchronous: messages have an order. */
export type ValidatorsOf<Schema> = {
  readonly [Pattern in keyof Schema]?: StandardSchema<Schema[Pattern]>;
};

/** True when the name is one that the pattern stands for. */
export function matchesPattern(pattern: string, name: string): boolean {
  const parts = pattern.split(/\{[^}]*\}/).map((part) => part.replace(/[^\w]/g, '\\$&'));
  return new RegExp(`^${parts.join('[^]*')}$`).test(name);
}
