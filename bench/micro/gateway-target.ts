/** A gateway on the memory backplane as a server under test, with the settings of a scenario. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { signClientToken } from '../../gateway/tokens/sign.ts';
import { inRepository } from './paths.ts';
import type { Target } from './target.ts';

export type ClientProtocol = 'json.webpubsub.azure.v1' | 'trunkline.v1.json';

export interface GatewayVariant {
  /** In tables, and in the name of its file of settings. */
  readonly name: string;
  readonly protocol: ClientProtocol;
  /** Name of a subscriber's group; {d} is the number of the group. */
  readonly group: string;
  /** Whether publishers ask for no echo. */
  readonly noEcho: boolean;
  /** The content of the file of settings, where there is one. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

/** What a gateway is asked for: its connections, by address. */
export interface ClientAddress {
  readonly port: number;
  readonly accessKey: string;
  readonly userId: string;
}

const hub = 'bench';
/** Signs tokens of a gateway that lives for one run on loopback. */
export const ownAccessKey = 'the-key-of-a-benchmark-on-loopback-0123456789';

/** Groups whose names begin with "stream" are streams. */
export const streamSettings = {
  hubs: { '*': { streams: [{ match: 'group:stream*', retention: 'bench' }] } },
  retention: { bench: { messages: 10_000, seconds: 600 } },
} as const;

/** Path of a file of settings with this content; another run's with the same name is replaced. */
export function writeSettings(name: string, settings: Readonly<Record<string, unknown>>): string {
  mkdirSync(inRepository('.cache/bench'), { recursive: true });
  const file = `.cache/bench/settings-${String(process.pid)}-${name.replaceAll(/[^\w-]+/g, '-')}`;
  const path = inRepository(`${file}.json`);
  writeFileSync(path, JSON.stringify(settings));
  return path;
}

/** Path and query of a client that may join groups and publish to them. */
export function clientPath({ port, accessKey, userId }: ClientAddress): string {
  const token = signClientToken({
    accessKey,
    endpoint: `http://127.0.0.1:${String(port)}`,
    hub,
    userId,
    roles: ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'],
  });
  return `/client/hubs/${hub}?access_token=${token}`;
}

/** Path of a file with these lines, for the generator; who asked for it removes it. */
export function writePaths(name: string, lines: readonly string[]): string {
  const folder = inRepository('.cache/bench');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `paths-${String(process.pid)}-${name}`);
  writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 });
  return file;
}

/** The frame with which the generator publishes. */
export function publication(group: string, noEcho: boolean): string {
  const echo = noEcho ? '"noEcho":true,' : '';
  return `{"type":"sendToGroup","group":"${group}",${echo}"dataType":"json","data":"{payload}"}`;
}

export function gatewayTarget(variant: GatewayVariant): Target {
  const { group, name, noEcho, protocol, settings } = variant;
  const accessKey = ownAccessKey;
  return {
    name,
    hasMetrics: true,
    command: (port, inspect) => ({
      name,
      port,
      inspect,
      args: [inRepository('bin/trunkline.js'), 'serve'],
      env: {
        ...(settings === undefined ? {} : { TRUNKLINE_CONFIG: writeSettings(name, settings) }),
        TRUNKLINE_MODE: 'production',
        TRUNKLINE_HOST: '127.0.0.1',
        TRUNKLINE_PORT: String(port),
        TRUNKLINE_ACCESS_KEY: accessKey,
        TRUNKLINE_BACKPLANE: 'memory:',
        TRUNKLINE_LOG_LEVEL: 'error',
        // When it is stopped, nobody is left to be sent away.
        TRUNKLINE_DRAIN_DELAY_MS: '0',
        TRUNKLINE_DRAIN_SPREAD_MS: '0',
        // The accept runs are about CPU time; the bound against storms would measure itself.
        TRUNKLINE_UPGRADES_PER_SECOND_MAX: '1000000',
      },
    }),
    clients: ({ port, connections, groupSize, join }) => {
      // Every connection has a user and a token of its own: nothing can be cached between them.
      const paths = Array.from({ length: connections }, (_, i) =>
        clientPath({ port, accessKey, userId: `user${String(i)}` }),
      );
      // Several sets of clients may be prepared for one server.
      const pathsFile = writePaths(String(process.hrtime.bigint()), paths);
      return {
        dispose: () => {
          rmSync(pathsFile, { force: true });
        },
        options: {
          groupSize,
          pathsFile,
          protocol,
          packed: protocol === 'trunkline.v1.json',
          init: join ? [`{"type":"joinGroup","group":"${group}","ackId":1}`] : [],
          ready: join ? '"success":true' : '"event":"connected"',
          fail: '"success":false',
          publisherPath: clientPath({ port, accessKey, userId: 'publisher' }),
          publisherReady: '"event":"connected"',
          message: publication(group.replace('{d}', '0'), noEcho),
        },
      };
    },
  };
}
