/** The sections of hubs and issuers, which only the configuration file holds. */
import { z } from 'zod';
import type { HubSettings, IssuerSettings } from '../config.ts';
import { isJsonArray, isJsonObject, type JsonValue } from './json-text.ts';
import {
  checkEntry,
  emptyRecord,
  objectError,
  type NameOfKey,
  type SectionField,
  type SectionResult,
} from './section-check.ts';
import { describeValue } from './setting-reader.ts';
import { anyHub } from './settings-table.ts';
import { slowConsumersSchema, streamsSchema } from './stream-sections.ts';

const claimName = z.string({ error: 'the name of a claim' }).min(1, 'the name of a claim');

const hubSchema = (classNames: readonly string[]): z.ZodType<HubSettings> =>
  z.strictObject(
    {
      anonymous: z.boolean({ error: 'true or false' }).default(false),
      streams: streamsSchema(classNames).default([]),
      slowConsumers: slowConsumersSchema.default([]),
    },
    { error: objectError },
  );

const issuerSchema = z.strictObject(
  {
    issuer: z.string({ error: 'a text' }).min(1, 'a text that is not empty'),
    audience: z.string({ error: 'a text' }).min(1, 'a text that is not empty'),
    jwks: z
      .string({ error: 'an http(s) URL or a path' })
      .refine(isJwksLocation, 'an http(s) URL without user and password, or a path'),
    algorithms: z
      .array(z.enum(['RS256', 'ES256'], { error: '"RS256" or "ES256"' }), { error: 'a list' })
      .min(1, 'a list with at least one of "RS256" and "ES256"')
      .default(['RS256']),
    rolesClaim: claimName.default('role'),
    groupsClaim: claimName.default('webpubsub.group'),
  },
  { error: objectError },
);

export const hubFields: readonly SectionField[] = [
  {
    name: 'anonymous',
    defaultText: 'false',
    expects: 'true or false',
    meaning: 'Clients without a token may connect; they have no user, no roles and no groups',
  },
  {
    name: 'streams',
    defaultText: '`[]`',
    expects: 'list of `{match, retention}`; at most 100',
    meaning:
      'Which destinations are streams, and of which class of `retention`; the first that matches decides',
  },
  {
    name: 'slowConsumers',
    defaultText: '`[]`',
    expects: 'list of `{match, policy, key?}`; at most 100',
    meaning: 'What befalls members that read too slowly; the first that matches decides',
  },
];

export const issuerFields: readonly SectionField[] = [
  {
    name: 'issuer',
    defaultText: 'required',
    expects: 'text',
    meaning: 'Claim `iss` of the tokens that this entry is for; each issuer has one entry',
  },
  {
    name: 'audience',
    defaultText: 'required',
    expects: 'text',
    meaning: 'Claim `aud` that such a token must have',
  },
  {
    name: 'jwks',
    defaultText: 'required',
    expects: 'http(s) URL or path',
    meaning: "Where the issuer's public keys are (JSON Web Key Set)",
  },
  {
    name: 'algorithms',
    defaultText: '`["RS256"]`',
    expects: 'list of `RS256`, `ES256`',
    meaning: 'Signature algorithms that are accepted',
  },
  {
    name: 'rolesClaim',
    defaultText: '`role`',
    expects: 'text',
    meaning: 'Claim with the roles: a text or a list of texts',
  },
  {
    name: 'groupsClaim',
    defaultText: '`webpubsub.group`',
    expects: 'text',
    meaning: 'Claim with the groups that the connection joins at once: a text or a list of texts',
  },
];

/** The rule of Azure Web PubSub; names fold to lower case. */
export function isHubName(name: string): boolean {
  return /^[A-Za-z][A-Za-z0-9_`,.[\]]{0,127}$/.test(name);
}

/** What a hub has that no entry names, while there is no entry `*` either. */
export const plainHub: HubSettings = { anonymous: false, streams: [], slowConsumers: [] };

/**
 * Hub names fold to lower case. The result has an entry for `*` always, and no prototype: names of
 * hubs come from clients, too.
 * @param classNames the classes of `retention` that hubs may name
 */
export function readHubs(
  section: JsonValue | undefined,
  nameOf: NameOfKey,
  classNames: readonly string[] = [],
): SectionResult<Readonly<Record<string, HubSettings>>> {
  const value = emptyRecord<HubSettings>();
  value[anyHub] = plainHub;
  if (section === undefined) return { value, problems: [] };
  if (!isJsonObject(section)) {
    return { value, problems: [`${nameOf('hubs')} must be an object: { "*": { … } }`] };
  }
  const schema = hubSchema(classNames);
  const problems: string[] = [];
  const seen = new Set<string>();
  for (const [name, entry] of section) {
    const key = `hubs.${name}`;
    const hub = name.toLowerCase();
    if (name !== anyHub && !isHubName(name)) {
      problems.push(`${nameOf(key)} must be a hub name (a letter, then letters, digits or _) or *`);
    } else if (seen.has(hub)) {
      problems.push(`${nameOf(key)} is there twice: hub names do not depend on case`);
    }
    seen.add(hub);
    const settings = checkEntry(schema, entry, key, nameOf);
    if (settings.value !== undefined) value[hub] = settings.value;
    problems.push(...settings.problems);
  }
  return { value, problems };
}

/** A list of issuers; each `issuer` once. */
export function readIssuers(
  section: JsonValue | undefined,
  nameOf: NameOfKey,
): SectionResult<readonly IssuerSettings[]> {
  if (section === undefined) return { value: [], problems: [] };
  if (!isJsonArray(section)) {
    return { value: [], problems: [`${nameOf('issuers')} must be a list of objects`] };
  }
  const value: IssuerSettings[] = [];
  const problems: string[] = [];
  for (const [index, entry] of section.entries()) {
    const key = `issuers.${String(index)}`;
    const settings = checkEntry(issuerSchema, entry, key, nameOf);
    problems.push(...settings.problems);
    if (settings.value === undefined) continue;
    const { issuer } = settings.value;
    if (value.some((other) => other.issuer === issuer)) {
      problems.push(`${nameOf(`${key}.issuer`)} must be there once, got ${describeValue(issuer)}`);
    }
    value.push(settings.value);
  }
  return { value, problems };
}

function isJwksLocation(text: string): boolean {
  if (text.trim() === '' || text.includes('\u0000')) return false;
  if (!/^[a-z][a-z0-9+.-]+:\/\//i.test(text)) return true;
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return /^https?:$/.test(url.protocol) && url.username + url.password === '';
}
