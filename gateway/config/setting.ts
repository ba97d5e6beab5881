/** What one setting is: its names in every source, its unit, its default and what it accepts. */
import type { z } from 'zod';

/** All that help texts, documentation and error messages need to know. */
export interface SettingFacts {
  /** Name in code and in the record of parsed flags: `frameBytesMax`. */
  readonly name: string;
  /** `--frame-bytes-max` */
  readonly flag: string;
  /** `TRUNKLINE_FRAME_BYTES_MAX` */
  readonly variable: string;
  /** Dotted key in the configuration file: `limits.frameBytesMax`. */
  readonly key: string;
  /** How the text of a flag or variable is read; a list is separated by commas. */
  readonly kind: 'text' | 'integer' | 'list';
  /** `bytes`, `ms`, `s`; empty where a number is a count or there is no number. */
  readonly unit: string;
  /** The default as a person reads it. */
  readonly defaultText: string;
  /** What is accepted, to follow "must be". */
  readonly expects: string;
  /** One sentence without a full stop. */
  readonly meaning: string;
  /** True: the value is never printed. */
  readonly secret: boolean;
}

export interface Setting<T> extends SettingFacts {
  readonly default: T;
  /** Accepts what flags and variables (decoded by `kind`) or the file hold. */
  readonly schema: z.ZodType<T>;
}

interface SettingInput<T> {
  readonly name: string;
  /** Defaults to the name. */
  readonly key?: string;
  readonly kind?: SettingFacts['kind'];
  readonly unit?: string;
  readonly default: T;
  readonly defaultText?: string;
  readonly expects: string;
  readonly meaning: string;
  readonly secret?: boolean;
  readonly schema: z.ZodType<T>;
}

/** Derives flag, variable and key from the name, so that they cannot disagree. */
export function defineSetting<T>(input: SettingInput<T>): Setting<T> {
  const words = input.name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return {
    name: input.name,
    flag: `--${words}`,
    variable: `TRUNKLINE_${words.replaceAll('-', '_').toUpperCase()}`,
    key: input.key ?? input.name,
    kind: input.kind ?? 'text',
    unit: input.unit ?? '',
    default: input.default,
    defaultText: input.defaultText ?? describeDefault(input.default),
    expects: input.expects,
    meaning: input.meaning,
    secret: input.secret ?? false,
    schema: input.schema,
  };
}

function describeDefault(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : 'none';
}
