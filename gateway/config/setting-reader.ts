/** Takes settings from flags, environment and file, in this order, and collects what is wrong. */
import type { ConfigFile } from './config-file.ts';
import { suggestion } from './config-file.ts';
import type { JsonValue } from './json-text.ts';
import type { Setting, SettingFacts } from './setting.ts';
import { maskUrlSecrets } from './urls.ts';

/** Where an effective value came from. */
export interface Origin {
  readonly kind: 'flag' | 'variable' | 'file' | 'default' | 'generated';
  /** The name in that source: `--port`, `TRUNKLINE_PORT`, `"port" in trunkline.json`. */
  readonly name: string;
}

export interface SettingSources {
  /** Texts of the flags by setting name. */
  readonly flags: Readonly<Record<string, string | undefined>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly file: ConfigFile | undefined;
}

interface Found {
  readonly origin: Origin;
  readonly raw: unknown;
}

export class SettingReader {
  /** Sentences in the order of the reads. */
  readonly problems: string[] = [];
  readonly #sources: SettingSources;

  constructor(sources: SettingSources) {
    this.#sources = sources;
  }

  /** The effective value; the default, and one more problem, when what was given is wrong. */
  take<T>(setting: Setting<T>): T {
    const found = this.#find(setting);
    if (found === undefined) return setting.default;
    const result = setting.schema.safeParse(found.raw);
    if (result.success) return result.data;
    const got = setting.secret ? 'something else (not shown)' : describeValue(found.raw);
    this.problems.push(`${found.origin.name} must be ${setting.expects}, got ${got}`);
    return setting.default;
  }

  originOf(setting: SettingFacts): Origin {
    return this.#find(setting)?.origin ?? { kind: 'default', name: 'default' };
  }

  /** How the user named this setting; the variable's name where nobody named it. */
  nameOf(setting: SettingFacts): string {
    return this.#find(setting)?.origin.name ?? setting.variable;
  }

  #find(setting: SettingFacts): Found | undefined {
    const { flags, env, file } = this.#sources;
    const flag = own(flags, setting.name);
    if (flag !== undefined) {
      return { origin: { kind: 'flag', name: setting.flag }, raw: decodeText(setting, flag) };
    }
    const variable = own(env, setting.variable);
    // Compose files and charts pass variables on that are not set as empty ones.
    const isSet = variable !== undefined && variable !== '';
    if (isSet && !isServiceLink(setting.variable, variable)) {
      const origin = { kind: 'variable', name: setting.variable } as const;
      return { origin, raw: decodeText(setting, variable) };
    }
    const value = setting.key === '' ? undefined : file?.get(setting.key);
    if (file === undefined || value === undefined) return undefined;
    return {
      origin: { kind: 'file', name: file.nameOf(setting.key) },
      raw: decodeJson(setting, value),
    };
  }
}

/**
 * A sentence for each variable `TRUNKLINE_*` that is no setting. Variables which Kubernetes makes
 * up for services with such a name are passed over.
 */
export function unknownVariables(
  env: Readonly<Record<string, string | undefined>>,
  known: readonly string[],
): readonly string[] {
  return Object.keys(env)
    .filter((name) => name.startsWith('TRUNKLINE_') && !known.includes(name))
    .filter((name) => !isServiceLink(name, env[name] ?? ''))
    .map((name) => `${name} is not a setting${suggestion(name, known)}`);
}

/**
 * True for what Kubernetes injects for a service called `trunkline` or `trunkline-…`:
 * `TRUNKLINE_PORT=tcp://10.0.0.1:80`, `TRUNKLINE_REDIS_SERVICE_HOST` and the like.
 */
function isServiceLink(name: string, value: string): boolean {
  const suffix =
    /_SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)$|_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/;
  return suffix.test(name) || (name.endsWith('_PORT') && /^(tcp|udp|sctp):\/\//.test(value));
}

/** A value in an error message: JSON, short, without the secrets of a URL. */
export function describeValue(value: unknown): string {
  if (value instanceof Map) return 'an object';
  const text = maskUrlSecrets(JSON.stringify(value) ?? 'nothing');
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

function own(
  record: Readonly<Record<string, string | undefined>>,
  name: string,
): string | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

function decodeText(setting: SettingFacts, text: string): unknown {
  if (setting.kind === 'integer') return /^-?\d{1,15}$/.test(text) ? Number(text) : text;
  return setting.kind === 'list' ? splitList(text) : text;
}

function decodeJson(setting: SettingFacts, value: JsonValue): unknown {
  return setting.kind === 'list' && typeof value === 'string' ? splitList(value) : value;
}

function splitList(text: string): readonly string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}
