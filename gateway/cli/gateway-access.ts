/** Which gateway a command talks to, and with which key: from flags or variables. */
import { Option, type Command } from 'commander';
import { clientVariables, settings } from '../config/settings-table.ts';
import { normalizePublicEndpoint } from '../config/urls.ts';
import { UsageError, type Host } from './host.ts';

export interface GatewayAccess {
  /** http(s) URL without a slash at the end. */
  readonly endpoint: string;
  readonly accessKey: string;
}

interface Part {
  readonly text: string;
  readonly source: string;
}

interface Parts {
  readonly endpoint?: Part;
  readonly accessKey?: Part;
}

const group = 'Gateway:';

/** Gives the command the flags that `resolveAccess` reads. */
export function addAccessFlags(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--endpoint <url>',
        `URL of the gateway (${clientVariables.endpoint}; default: http://127.0.0.1:8080)`,
      ).helpGroup(group),
    )
    .addOption(
      new Option(
        '--access-key <key>',
        `Its access key; other users of this machine see flags, so prefer ${settings.accessKey.variable}`,
      ).helpGroup(group),
    )
    .addOption(
      new Option(
        '--connection-string <text>',
        `Both in one: Endpoint=…;AccessKey=…; (${clientVariables.connectionString})`,
      )
        .conflicts(['endpoint', 'accessKey'])
        .helpGroup(group),
    );
}

export interface AccessFlags {
  readonly endpoint?: string;
  readonly accessKey?: string;
  readonly connectionString?: string;
}

/**
 * Flags win over variables, and in the environment the connection string over the single values.
 * @throws UsageError that says what is missing or wrong, and never shows a key.
 */
export function resolveAccess(flags: AccessFlags, env: Host['env']): GatewayAccess {
  const given: Parts = {
    ...fromVariables(env),
    ...fromConnectionString(clientVariables.connectionString, env),
    ...fromConnectionString('--connection-string', {
      '--connection-string': flags.connectionString,
    }),
    ...fromFlags(flags),
  };
  const { endpoint, accessKey } = given;
  if (accessKey === undefined) {
    throw new UsageError(
      `An access key is needed: set ${clientVariables.connectionString} or ` +
        `${settings.accessKey.variable}, or give --connection-string or --access-key`,
    );
  }
  if (!settings.accessKey.schema.safeParse(accessKey.text).success) {
    throw new UsageError(`${accessKey.source} must be ${settings.accessKey.expects}`);
  }
  const url = normalizePublicEndpoint(endpoint?.text ?? defaultEndpoint(env));
  if (url === undefined) {
    throw new UsageError(
      `${endpoint?.source ?? settings.port.variable} must be an http(s) URL, for instance ` +
        'http://127.0.0.1:8080, without user, query and fragment',
    );
  }
  return { endpoint: url, accessKey: accessKey.text };
}

function fromFlags(flags: AccessFlags): Parts {
  return {
    ...part('endpoint', flags.endpoint, '--endpoint'),
    ...part('accessKey', flags.accessKey, '--access-key'),
  };
}

function fromVariables(env: Host['env']): Parts {
  const [publicEndpoint] = env[settings.publicEndpoints.variable]?.split(',') ?? [];
  return {
    ...part('endpoint', publicEndpoint?.trim(), settings.publicEndpoints.variable),
    ...part('endpoint', env[clientVariables.endpoint], clientVariables.endpoint),
    ...part('accessKey', env[settings.accessKey.variable], settings.accessKey.variable),
  };
}

/** As the Azure SDKs read it: keys in any case, unknown ones passed over, `Port` on its own. */
function fromConnectionString(source: string, values: Host['env']): Parts {
  const text = values[source];
  if (text === undefined || text === '') return {};
  const fields = new Map(
    text.split(';').map((field): [string, string] => {
      const [name = '', ...value] = field.split('=');
      return [name.trim().toLowerCase(), value.join('=')];
    }),
  );
  const endpoint = fields.get('endpoint') ?? '';
  const accessKey = fields.get('accesskey') ?? '';
  if (endpoint === '' || accessKey === '') {
    throw new UsageError(
      `${source} must have the form Endpoint=<url>;AccessKey=<key>;Version=1.0;`,
    );
  }
  const named = `Endpoint in ${source}`;
  return {
    endpoint: { text: withPort(endpoint, fields.get('port')), source: named },
    accessKey: { text: accessKey, source: `AccessKey in ${source}` },
  };
}

function withPort(endpoint: string, port: string | undefined): string {
  const url = /^[a-z]+:\/\//i.test(endpoint) ? endpoint : `https://${endpoint}`;
  if (port === undefined || !URL.canParse(url)) return url;
  const withPort = new URL(url);
  withPort.port = port;
  return withPort.href;
}

function defaultEndpoint(env: Host['env']): string {
  const port = env[settings.port.variable];
  const isPort = port !== undefined && /^[1-9]\d{0,4}$/.test(port);
  return `http://127.0.0.1:${isPort ? port : String(settings.port.default)}`;
}

function part(name: keyof Parts, text: string | undefined, source: string): Parts {
  return text === undefined || text === '' ? {} : { [name]: { text, source } };
}
