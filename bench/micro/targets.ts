/** The servers under test: how each is started, and what the generator must say to it. */
import { rmSync, writeFileSync } from 'node:fs';
import { signClientToken } from '../../gateway/tokens/sign.ts';
import type { ServerCommand } from './child-server.ts';
import type { GeneratorOptions } from './generator.ts';
import { compiledPath, inRepository } from './paths.ts';

export const targetNames = ['gateway', 'topics', 'topics-deferred', 'socket.io'] as const;
export type TargetName = (typeof targetNames)[number];

export interface Clients {
  readonly port: number;
  readonly connections: number;
  /** Members of one group; the generator numbers groups from 0. */
  readonly groupSize: number;
  /** False: the connections only connect. */
  readonly join: boolean;
}

export interface PreparedClients {
  readonly options: GeneratorOptions;
  /** Removes what was written for these clients. */
  readonly dispose: () => void;
}

export interface Target {
  readonly name: TargetName;
  readonly command: (port: number, inspect: boolean) => ServerCommand;
  /** Options that make the generator's connections members and its publishers publish. */
  readonly clients: (clients: Clients) => PreparedClients;
  /** True when `/metrics` says how many writes there were. */
  readonly hasMetrics: boolean;
}

const hub = 'bench';
/** Signs tokens of a gateway that lives for one run on loopback. */
const accessKey = 'the-key-of-a-benchmark-on-loopback-0123456789';

function endpoint(port: number): string {
  return `http://127.0.0.1:${String(port)}`;
}

function nothingToDispose(): void {
  // These clients have no file.
}

function topics(name: TargetName, mode: 'direct' | 'deferred'): Target {
  return {
    name,
    hasMetrics: false,
    command: (port, inspect) => ({
      name,
      port,
      inspect,
      args: [compiledPath('servers/topics-server.js'), String(port), mode],
    }),
    clients: ({ groupSize }) => ({
      dispose: nothingToDispose,
      options: {
        groupSize,
        path: '/sub?group=g{d}&user=user{i}',
        publisherPath: '/pub?group=g0',
        message: '{payload}',
      },
    }),
  };
}

const socketIo: Target = {
  name: 'socket.io',
  hasMetrics: false,
  command: (port, inspect) => ({
    name: 'socket.io',
    port,
    inspect,
    args: [compiledPath('servers/socketio-server.js'), String(port)],
  }),
  clients: ({ groupSize }) => ({
    dispose: nothingToDispose,
    options: {
      groupSize,
      socketIo: true,
      ready: '40{',
      fail: '44{',
      path: '/socket.io/?EIO=4&transport=websocket&role=sub&group=g{d}&user=user{i}',
      publisherPath: '/socket.io/?EIO=4&transport=websocket&role=pub&group=g0',
      message: '42["m","{payload}"]',
    },
  }),
};

const gateway: Target = {
  name: 'gateway',
  hasMetrics: true,
  command: (port, inspect) => ({
    name: 'gateway',
    port,
    inspect,
    args: [inRepository('bin/trunkline.js'), 'serve'],
    env: {
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
    const pathsFile = writePaths(port, connections);
    return {
      dispose: () => {
        rmSync(pathsFile, { force: true });
      },
      options: {
        groupSize,
        pathsFile,
        protocol: 'json.webpubsub.azure.v1',
        init: join ? ['{"type":"joinGroup","group":"g{d}","ackId":1}'] : [],
        ready: join ? '"success":true' : '"event":"connected"',
        fail: '"success":false',
        publisherPath: clientPath(port, 'publisher'),
        publisherReady: '"event":"connected"',
        message:
          '{"type":"sendToGroup","group":"g0","noEcho":true,"dataType":"json","data":"{payload}"}',
      },
    };
  },
};

/** Every connection has a user and a token of its own: nothing can be cached between them. */
function writePaths(port: number, connections: number): string {
  const lines = Array.from({ length: connections }, (_, i) => clientPath(port, `user${String(i)}`));
  const file = inRepository(`.cache/bench/paths-${String(process.pid)}-${String(port)}`);
  writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 });
  return file;
}

function clientPath(port: number, userId: string): string {
  const token = signClientToken({
    accessKey,
    endpoint: endpoint(port),
    hub,
    userId,
    roles: ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'],
  });
  return `/client/hubs/${hub}?access_token=${token}`;
}

const targets: readonly Target[] = [
  gateway,
  topics('topics', 'direct'),
  topics('topics-deferred', 'deferred'),
  socketIo,
];

/** The targets of these names, in the order of the names. */
export function chooseTargets(names: readonly TargetName[]): readonly Target[] {
  return names.flatMap((name) => targets.filter((target) => target.name === name));
}
