/** The one table of settings: flags, variables, file keys, help, docs and checks come from it. */
import { z } from 'zod';
import { limitTable, type LimitName } from '../limits.ts';
import { defineSetting, type Setting, type SettingFacts } from './setting.ts';
import { isBackplaneUrl, normalizePublicEndpoint } from './urls.ts';

/** The name of the hub entry that stands for every hub not named. */
export const anyHub = '*';

const accessKeyExpects =
  'at least 32 bytes of UTF-8 without ";", control characters and blanks at either end';

/** A key that signs tokens; the connection string that carries it is split at `;`. */
function isAccessKey(text: string): boolean {
  return (
    Buffer.byteLength(text) >= 32 && !/[;\u0000-\u001f\u007f]/.test(text) && text === text.trim()
  );
}

/** Whether the endpoint is any good shows when it is used. */
function isConnectionString(text: string): boolean {
  return /(^|;)endpoint=[^;]/i.test(text) && /(^|;)accesskey=[^;]/i.test(text);
}

const accessKeySchema = z.string().refine(isAccessKey).optional();
const fileSchema = z.string().min(1).optional();

export const settings = {
  mode: defineSetting<'development' | 'production'>({
    name: 'mode',
    default: 'production',
    defaultText: 'production (`npm start`: development)',
    expects: '"development" or "production"',
    meaning:
      'In development a missing access key is made up and client URLs are printed; in production nothing is invented',
    schema: z.enum(['development', 'production']),
  }),
  host: defineSetting<string>({
    name: 'host',
    default: '127.0.0.1',
    defaultText: '127.0.0.1 (container image: 0.0.0.0)',
    expects: 'a host name or an IP address without port and brackets',
    meaning: 'Address to listen on',
    schema: z.string().regex(/^[A-Za-z0-9._:%-]{1,255}$/),
  }),
  port: defineSetting<number>({
    name: 'port',
    kind: 'integer',
    default: 8080,
    expects: '0..65535',
    meaning: 'Port to listen on; 0 takes any free port',
    schema: z.int().min(0).max(65_535),
  }),
  workers: defineSetting<number>({
    name: 'workers',
    kind: 'integer',
    default: 1,
    expects: '1..256',
    meaning:
      'Processes that share the port, each a node with limits of its own; more than 1 on Linux only',
    schema: z.int().min(1).max(256),
  }),
  tlsKeyFile: defineSetting<string | undefined>({
    name: 'tlsKeyFile',
    key: 'tls.keyFile',
    default: undefined,
    expects: 'a path of a PEM file',
    meaning: 'Private key for TLS; needs the certificate file, too',
    schema: fileSchema,
  }),
  tlsCertFile: defineSetting<string | undefined>({
    name: 'tlsCertFile',
    key: 'tls.certFile',
    default: undefined,
    expects: 'a path of a PEM file',
    meaning: 'Certificate chain for TLS; needs the key file, too',
    schema: fileSchema,
  }),
  accessKey: defineSetting<string | undefined>({
    name: 'accessKey',
    default: undefined,
    defaultText: 'none (development: a random one for each start)',
    expects: accessKeyExpects,
    meaning: 'Key that signs and checks tokens; required in production unless there are issuers',
    secret: true,
    schema: accessKeySchema,
  }),
  accessKeySecondary: defineSetting<string | undefined>({
    name: 'accessKeySecondary',
    default: undefined,
    expects: accessKeyExpects,
    meaning: 'Second key that is accepted, to change keys without an interruption',
    secret: true,
    schema: accessKeySchema,
  }),
  publicEndpoints: defineSetting<readonly string[]>({
    name: 'publicEndpoints',
    kind: 'list',
    default: [],
    defaultText: 'what it listens on',
    expects: 'http(s) or ws(s) URLs without user, query and fragment, separated by commas',
    meaning: 'URLs under which clients and servers know this gateway (audience of tokens)',
    schema: z.array(z.string().transform(normalizeOrReject)),
  }),
  backplane: defineSetting<string>({
    name: 'backplane',
    default: 'memory:',
    expects: 'a URL such as "memory:"',
    meaning:
      'Broker that joins the nodes; `memory:` is one gateway on its own, with all its workers',
    schema: z.string().refine(isBackplaneUrl),
  }),
  azureConnectionString: defineSetting<string | undefined>({
    name: 'azureConnectionString',
    default: undefined,
    expects: '"Endpoint=https://NAME.webpubsub.azure.com;AccessKey=KEY;Version=1.0;"',
    meaning: 'Azure Web PubSub that `azure:` uses as backplane, as the portal shows it under Keys',
    secret: true,
    schema: z.string().refine(isConnectionString).optional(),
  }),
  streams: defineSetting<string | undefined>({
    name: 'streams',
    default: undefined,
    defaultText: 'the backplane',
    expects: 'a URL such as "redis://host:6379"',
    meaning: 'Store of the streams, where it is not the broker of the backplane',
    schema: z.string().refine(isBackplaneUrl).optional(),
  }),
  logLevel: defineSetting<'silent' | 'error' | 'warn' | 'info' | 'debug'>({
    name: 'logLevel',
    key: 'log.level',
    default: 'info',
    expects: '"silent", "error", "warn", "info" or "debug"',
    meaning: 'Least severe log entries that are written (to standard error)',
    schema: z.enum(['silent', 'error', 'warn', 'info', 'debug']),
  }),
  logFormat: defineSetting<'text' | 'json' | undefined>({
    name: 'logFormat',
    key: 'log.format',
    default: undefined,
    defaultText: 'json (development: text)',
    expects: '"text" or "json"',
    meaning: 'Form of log entries, one line each',
    schema: z.enum(['text', 'json']).optional(),
  }),
};

/** The file that holds all other settings; it cannot name another file. */
export const configFileSetting: Setting<string | undefined> = {
  ...defineSetting<string | undefined>({
    name: 'config',
    default: undefined,
    expects: 'a path of a JSON file',
    meaning:
      'JSON file with any of these settings, the hubs, the issuers and the classes of streams',
    schema: fileSchema,
  }),
  key: '',
};

/** Every bound of gateway/limits.ts as a setting. */
export const limitSettings: readonly (Setting<number> & { readonly name: LimitName })[] =
  // Object.keys cannot know that the table has no other keys.
  (Object.keys(limitTable) as LimitName[]).map((name) => {
    const { default: value, min, max, meaning } = limitTable[name];
    const setting = defineSetting<number>({
      name,
      key: `limits.${name}`,
      kind: 'integer',
      unit: unitOf(name),
      default: value,
      expects: `${String(min)}..${String(max)}`,
      meaning,
      schema: z.int().min(min).max(max),
    });
    return { ...setting, name };
  });

/** All settings in the order in which people read them. */
export const allSettings: readonly SettingFacts[] = [
  configFileSetting,
  ...Object.values(settings),
  ...limitSettings,
];

/**
 * Variables that the commands which talk to a gateway read beside the settings; the loader must not
 * take them for misspelt settings.
 */
export const clientVariables = {
  endpoint: 'TRUNKLINE_ENDPOINT',
  connectionString: 'TRUNKLINE_CONNECTION_STRING',
} as const;

function unitOf(name: string): string {
  if (/Bytes/.test(name)) return 'bytes';
  if (/Ms(Max)?$/.test(name)) return 'ms';
  return name.endsWith('Seconds') ? 's' : '';
}

function normalizeOrReject(text: string, context: z.RefinementCtx): string {
  const normalized = normalizePublicEndpoint(text);
  if (normalized !== undefined) return normalized;
  context.addIssue({ code: 'custom', message: 'not an endpoint' });
  return z.NEVER;
}
