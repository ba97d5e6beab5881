/** Streams in the configuration file: classes of retention, and the rules of a hub that name them. */
import { z } from 'zod';
import type {
  HubSettings,
  RetentionSettings,
  SlowConsumerPolicy,
  SlowConsumerRule,
  StreamRule,
} from '../config.ts';
import { parseDestinationPattern } from '../protocol/destination-pattern.ts';
import { isJsonObject, type JsonValue } from './json-text.ts';
import {
  checkEntry,
  emptyRecord,
  objectError,
  type NameOfKey,
  type SectionField,
  type SectionResult,
} from './section-check.ts';

const classesMax = 8;
const rulesMax = 100;
const keyLengthMax = 256;
const KiB = 1024;
const MiB = 1024 * KiB;

const bounds = {
  messages: { default: 1000, min: 1, max: 1_000_000, unit: '' },
  seconds: { default: 86_400, min: 10, max: 31_536_000, unit: ' s' },
  bytes: { default: 64 * MiB, min: KiB, max: 16 * 1024 * MiB, unit: ' bytes' },
} as const;

const retentionSchema = z.strictObject(
  { messages: bound('messages'), seconds: bound('seconds'), bytes: bound('bytes') },
  { error: objectError },
);

const match = z
  .string({ error: matchError })
  .refine((text) => parseDestinationPattern(text) !== undefined, matchError());

const policies = ['disconnect', 'drop-and-recover', 'drop-oldest', 'latest'] as const;

const slowConsumerSchema = z
  .strictObject(
    {
      match,
      policy: z.enum(policies satisfies readonly SlowConsumerPolicy[], {
        error: policies.map((policy) => `"${policy}"`).join(', '),
      }),
      key: z
        .string({ error: 'the name of a metadata entry' })
        .min(1, 'the name of a metadata entry')
        .max(keyLengthMax, `at most ${keyLengthMax} characters long`)
        .optional(),
    },
    { error: objectError },
  )
  .refine(({ key, policy }) => key === undefined || policy === 'latest', {
    path: ['key'],
    error: 'left out unless the policy is "latest"',
  })
  .transform(({ key, ...rule }): SlowConsumerRule => ({ ...rule, key }));

/** The rules of one hub on members that read too slowly. */
export const slowConsumersSchema: z.ZodType<readonly SlowConsumerRule[]> = z
  .array(slowConsumerSchema, { error: 'a list' })
  .max(rulesMax, `a list of at most ${rulesMax}`);

/** The rules of one hub on what is a stream. */
export function streamsSchema(classNames: readonly string[]): z.ZodType<readonly StreamRule[]> {
  const classes = classNames.map((name) => `"${name}"`).join(', ');
  const expects = classes === '' ? 'a class of "retention", where there is none yet' : classes;
  const retention = z.string({ error: expects }).refine((name) => classNames.includes(name), {
    error: expects,
  });
  return z
    .array(z.strictObject({ match, retention }, { error: objectError }), { error: 'a list' })
    .max(rulesMax, `a list of at most ${rulesMax}`);
}

export const retentionFields: readonly SectionField[] = [
  {
    name: 'messages',
    defaultText: textOf('messages'),
    expects: rangeOf('messages'),
    meaning: 'Messages that each stream keeps',
  },
  {
    name: 'seconds',
    defaultText: textOf('seconds'),
    expects: rangeOf('seconds'),
    meaning: 'Age at which a message is dropped',
  },
  {
    name: 'bytes',
    defaultText: textOf('bytes'),
    expects: rangeOf('bytes'),
    meaning: 'Bytes that each stream keeps; on NATS, those of all streams of the class together',
  },
];

/** The classes by name, without a prototype. A wrong one is left out. */
export function readRetention(
  section: JsonValue | undefined,
  nameOf: NameOfKey,
): SectionResult<Readonly<Record<string, RetentionSettings>>> {
  const value = emptyRecord<RetentionSettings>();
  if (section === undefined) return { value, problems: [] };
  if (!isJsonObject(section)) {
    const problem = `${nameOf('retention')} must be an object: { "chat": { "messages": 1000 } }`;
    return { value, problems: [problem] };
  }
  const problems: string[] = [];
  if (section.size > classesMax) {
    const most = `at most ${classesMax} classes, got ${section.size}`;
    problems.push(`${nameOf('retention')} must have ${most}`);
  }
  for (const [name, entry] of section) {
    const key = `retention.${name}`;
    if (!/^[A-Za-z][A-Za-z0-9]{0,31}$/.test(name)) {
      problems.push(`${nameOf(key)} must be named by a letter, then up to 31 letters and digits`);
    }
    const checked = checkEntry(retentionSchema, entry, key, nameOf);
    if (checked.value !== undefined) value[name] = checked.value;
    problems.push(...checked.problems);
  }
  return { value, problems };
}

/** The names of classes as the file has them, good or not: what is wrong is told once. */
export function classNamesOf(section: JsonValue | undefined): readonly string[] {
  return isJsonObject(section) ? [...section.keys()] : [];
}

/** True: at least one destination is a stream. */
export function hasStreams(hubs: Readonly<Record<string, HubSettings>>): boolean {
  return Object.values(hubs).some(({ streams }) => streams.length > 0);
}

function bound(name: keyof typeof bounds): z.ZodDefault<z.ZodInt> {
  const { default: value, max, min } = bounds[name];
  const error = `${min}..${max}`;
  return z.int({ error }).min(min, error).max(max, error).default(value);
}

function rangeOf(name: keyof typeof bounds): string {
  const { max, min, unit } = bounds[name];
  return `${min}..${max}${unit}`;
}

function textOf(name: keyof typeof bounds): string {
  return `${bounds[name].default}${bounds[name].unit}`;
}

function matchError(): string {
  return '"all", "user:<pattern>" or "group:<pattern>"';
}
