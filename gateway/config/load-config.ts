/** Turns flags, environment and file into one checked configuration, or says all that is wrong. */
import { randomBytes } from 'node:crypto';
import type { GatewayConfig } from '../config.ts';
import { defaultLimits, type LimitName, type Limits } from '../limits.ts';
import { ConfigError } from './config-error.ts';
import { ConfigFile } from './config-file.ts';
import { readHubs, readIssuers } from './sections.ts';
import type { SettingFacts } from './setting.ts';
import { SettingReader, unknownVariables, type Origin } from './setting-reader.ts';
import {
  allSettings,
  clientVariables,
  configFileSetting,
  limitSettings,
  settings,
} from './settings-table.ts';
import { classNamesOf, hasStreams, readRetention } from './stream-sections.ts';
import { isLoopbackHost } from './urls.ts';

export interface LoadInput {
  /** Texts of the flags by setting name: `{ port: '8080', frameBytesMax: '4096' }`. */
  readonly flags: Readonly<Record<string, string | undefined>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Content of a UTF-8 file; throws when it cannot be read. */
  readonly readFile: (path: string) => string;
  /** A random access key for development. */
  readonly makeAccessKey?: () => string;
}

export interface LoadedConfig {
  readonly config: GatewayConfig;
  /** Where the value of each setting came from. */
  readonly originOf: (setting: SettingFacts) => Origin;
}

/**
 * The configuration: a flag wins over its variable, that over the file, that over the default. A
 * variable that is empty counts as not set.
 * @throws ConfigError that lists every problem; nothing else.
 */
export function loadConfig(input: LoadInput): GatewayConfig {
  return loadConfigWithOrigins(input).config;
}

/** As `loadConfig`, for those who show where values came from. */
export function loadConfigWithOrigins(input: LoadInput): LoadedConfig {
  const problems: string[] = [];
  const file = readConfigFile(input, problems);
  const reader = new SettingReader({ flags: input.flags, env: input.env, file });
  const nameOf = (key: string): string => file?.nameOf(key) ?? key;
  const retention = readRetention(file?.get('retention'), nameOf);
  const hubs = readHubs(file?.get('hubs'), nameOf, classNamesOf(file?.get('retention')));
  const issuers = readIssuers(file?.get('issuers'), nameOf);
  const given: GatewayConfig = {
    ...takeSettings(reader, input, problems),
    hubs: hubs.value,
    retention: retention.value,
    issuers: issuers.value,
    limits: takeLimits(reader),
  };
  problems.push(...reader.problems);
  const keyed = addDevelopmentKey(given, { input, reader, problems });
  problems.push(...retention.problems, ...hubs.problems, ...issuers.problems);
  problems.push(...missingStore(given, reader));
  problems.push(...(file?.unknownKeys(fileKeys()) ?? []));
  problems.push(...unknownVariables(input.env, knownVariables()));
  if (problems.length > 0) throw new ConfigError(problems);
  const isGenerated = keyed.accessKeys.length > given.accessKeys.length;
  return {
    config: keyed,
    originOf: (setting) =>
      isGenerated && setting.name === settings.accessKey.name
        ? { kind: 'generated', name: 'made for this start' }
        : reader.originOf(setting),
  };
}

function readConfigFile(input: LoadInput, problems: string[]): ConfigFile | undefined {
  const reader = new SettingReader({ flags: input.flags, env: input.env, file: undefined });
  const path = reader.take(configFileSetting);
  problems.push(...reader.problems);
  if (path === undefined) return undefined;
  const source = reader.nameOf(configFileSetting);
  const text = readText(input, source, path, problems);
  if (text === undefined) return undefined;
  const file = ConfigFile.parse(source, path, text);
  if (file instanceof ConfigFile) return file;
  problems.push(file);
  return undefined;
}

function takeSettings(
  reader: SettingReader,
  input: LoadInput,
  problems: string[],
): Omit<GatewayConfig, 'hubs' | 'issuers' | 'limits' | 'retention'> {
  const mode = reader.take(settings.mode);
  return {
    mode,
    host: reader.take(settings.host),
    port: reader.take(settings.port),
    workers: reader.take(settings.workers),
    tls: takeTls(reader, input, problems),
    accessKeys: takeAccessKeys(reader, problems),
    publicEndpoints: reader.take(settings.publicEndpoints),
    backplane: reader.take(settings.backplane),
    azureConnectionString: reader.take(settings.azureConnectionString),
    streamStore: reader.take(settings.streams),
    logLevel: reader.take(settings.logLevel),
    logFormat: reader.take(settings.logFormat) ?? (mode === 'development' ? 'text' : 'json'),
  };
}

function takeTls(
  reader: SettingReader,
  input: LoadInput,
  problems: string[],
): GatewayConfig['tls'] {
  const keyFile = reader.take(settings.tlsKeyFile);
  const certFile = reader.take(settings.tlsCertFile);
  if (keyFile !== undefined) readText(input, reader.nameOf(settings.tlsKeyFile), keyFile, problems);
  if (certFile !== undefined) {
    readText(input, reader.nameOf(settings.tlsCertFile), certFile, problems);
  }
  if (keyFile !== undefined && certFile !== undefined) return { keyFile, certFile };
  if (keyFile !== undefined)
    problems.push(missing(reader, settings.tlsCertFile, settings.tlsKeyFile));
  if (certFile !== undefined)
    problems.push(missing(reader, settings.tlsKeyFile, settings.tlsCertFile));
  return undefined;
}

function takeAccessKeys(reader: SettingReader, problems: string[]): readonly string[] {
  const first = reader.take(settings.accessKey);
  const second = reader.take(settings.accessKeySecondary);
  const isFirstGiven = reader.originOf(settings.accessKey).kind !== 'default';
  if (second !== undefined && !isFirstGiven) {
    problems.push(missing(reader, settings.accessKey, settings.accessKeySecondary));
  }
  return [first, second].filter((key) => key !== undefined);
}

function missing(reader: SettingReader, absent: SettingFacts, present: SettingFacts): string {
  return `${absent.variable} (or ${absent.flag}) must be set when ${reader.nameOf(present)} is`;
}

/** Streams need a store; not every broker is one. */
function missingStore(config: GatewayConfig, reader: SettingReader): readonly string[] {
  const isMissing = config.streamStore === undefined && hasStreams(config.hubs);
  if (!isMissing || !/^azure:/i.test(config.backplane)) return [];
  const { variable, flag } = settings.streams;
  return [
    `${variable} (or ${flag}) must name a store such as "redis://host:6379" while hubs have ` +
      `streams: ${reader.nameOf(settings.backplane)} is "azure:", which keeps no messages`,
  ];
}

function takeLimits(reader: SettingReader): Limits {
  const limits: Record<LimitName, number> = { ...defaultLimits };
  for (const setting of limitSettings) limits[setting.name] = reader.take(setting);
  return limits;
}

/** Production needs a key or an issuer; development invents a key, and may then not be reachable. */
function addDevelopmentKey(
  config: GatewayConfig,
  context: { input: LoadInput; reader: SettingReader; problems: string[] },
): GatewayConfig {
  const { input, reader, problems } = context;
  const isGiven = [settings.accessKey, settings.accessKeySecondary].some(
    (setting) => reader.originOf(setting).kind !== 'default',
  );
  // A key that was given and refused is reported as that, not as missing.
  if (isGiven) return config;
  const { variable, flag } = settings.accessKey;
  if (config.mode === 'production') {
    if (config.issuers.length === 0) {
      problems.push(`${variable} (or ${flag}, or issuers in the file) must be set in production`);
    }
    return config;
  }
  if (!isLoopbackHost(config.host)) {
    problems.push(
      `${reader.nameOf(settings.host)} must be a loopback address such as 127.0.0.1 while there ` +
        `is only a made-up development key, got ${JSON.stringify(config.host)}: set ${variable}`,
    );
  }
  const makeAccessKey = input.makeAccessKey ?? (() => randomBytes(32).toString('base64url'));
  return { ...config, accessKeys: [makeAccessKey()] };
}

function readText(
  input: LoadInput,
  source: string,
  path: string,
  problems: string[],
): string | undefined {
  try {
    return input.readFile(path);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    problems.push(`${source} must be a file that can be read, got ${JSON.stringify(path)}: ${why}`);
    return undefined;
  }
}

function fileKeys(): readonly string[] {
  return allSettings.map((setting) => setting.key).filter((key) => key !== '');
}

function knownVariables(): readonly string[] {
  return [...allSettings.map((setting) => setting.variable), ...Object.values(clientVariables)];
}
