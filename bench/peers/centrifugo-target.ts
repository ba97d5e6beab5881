/** Centrifugo as a server under test: its engine or a whole one, alone or two joined by a broker. */
import { rmSync, writeFileSync } from 'node:fs';
import { createSigner } from 'fast-jwt';
import { ChildServer, findPort, type ServerCommand } from '../micro/child-server.ts';
import type { CrossTarget } from '../micro/cross/target.ts';
import { writePaths } from '../micro/gateway-target.ts';
import type { GeneratorOptions } from '../micro/generator.ts';
import { inRepository } from '../micro/paths.ts';
import type { Target } from '../micro/target.ts';
import { buildEngine, wholeCentrifugo } from './centrifugo-programs.ts';
import { startPair } from './pair.ts';

export type CentrifugoForm = 'engine' | 'whole';

/** Signs tokens of a server that lives for one run on loopback. */
const key = 'the-key-of-a-benchmark-on-loopback-0123456789';
const tokenSeconds = 3600;

interface Started {
  readonly port: number;
  readonly brokerUrl?: string;
  /** Messages retained per channel, for recovery; 0: none. */
  readonly retained?: number;
}

/** What both forms have in common on the wire. */
const speech: GeneratorOptions = {
  packed: true,
  emptyPing: true,
  fail: '"error":',
  path: '/connection/websocket',
  publisherPath: '/connection/websocket',
  publisherInit: connectCommand('{token}'),
  publisherReady: '"connect":{',
};

export function centrifugoTarget(form: CentrifugoForm): Target {
  const name = nameOf(form);
  return {
    name,
    hasMetrics: false,
    collection: form === 'engine' ? 'request' : 'nothing',
    command: (port) => centrifugoCommand(form, { port }),
    clients: ({ port, connections, groupSize, join }) => {
      // One more than connections: that of all publishers.
      const tokensFile = writeTokens(`${name}-${String(port)}`, connections);
      return {
        dispose: () => rmSync(tokensFile, { force: true }),
        options: {
          ...speech,
          groupSize,
          tokensFile,
          init: [join ? `${connectCommand('{token}')}\n${subscribe('g{d}')}` : connectCommand()],
          ready: join ? '"subscribe":{' : '"connect":{',
          message: '{"id":3,"publish":{"channel":"g0","data":"{payload}"}}',
        },
      };
    },
  };
}

export function centrifugoPair(form: CentrifugoForm, broker: 'redis' | 'nats'): CrossTarget {
  const name = `${nameOf(form)}-${broker}`;
  return {
    name,
    start: async (pairs) => {
      const tokensFile = writeTokens(`${name}-${String(process.pid)}`, pairs);
      const options: GeneratorOptions = {
        ...speech,
        tokensFile,
        // A personal channel for each user, as Centrifugo's own.
        init: [`${connectCommand('{token}')}\n${subscribe('user{i}')}`],
        ready: '"subscribe":{',
        message: '{"id":3,"publish":{"channel":"user{i}","data":"{payload}"}}',
      };
      const start = async ({ url }: { readonly url: string }): Promise<ChildServer> =>
        await startCentrifugo(form, { port: await findPort(), brokerUrl: url });
      return await startPair(broker, start, options, () => rmSync(tokensFile, { force: true }));
    },
  };
}

export async function startCentrifugo(form: CentrifugoForm, how: Started): Promise<ChildServer> {
  return await ChildServer.start(centrifugoCommand(form, how));
}

/** A token as Centrifugo takes it, for one user. */
export function centrifugoToken(user: string): string {
  const sign = createSigner({ key, algorithm: 'HS256' });
  return sign({ sub: user, exp: Math.floor(Date.now() / 1000) + tokenSeconds });
}

/** @throws Error when the form is not to be had here. */
export function centrifugoCommand(form: CentrifugoForm, how: Started): ServerCommand {
  const { port, brokerUrl = '', retained = 0 } = how;
  const shared = { name: nameOf(form), port, inspect: false };
  if (form === 'engine') {
    const address = `127.0.0.1:${String(port)}`;
    const args = ['-address', address, '-key', key, '-retained', String(retained)];
    return { ...shared, program: buildEngine(), args: [...args, '-redis', brokerUrl] };
  }
  const program = wholeCentrifugo();
  if (program === undefined) throw new Error('CENTRIFUGO_BIN must be the path of a Centrifugo');
  const file = inRepository(`.cache/bench/centrifugo-${String(port)}.json`);
  writeFileSync(file, JSON.stringify(wholeSettings(how)), { mode: 0o600 });
  return { ...shared, program, args: ['-c', file] };
}

/** The settings of a whole Centrifugo 6. */
export function wholeSettings({ port, brokerUrl = '', retained = 0 }: Started): unknown {
  const history = retained === 0 ? {} : { history_size: retained, history_ttl: '10m' };
  return {
    http_server: { address: '127.0.0.1', port: String(port) },
    client: { token: { hmac_secret_key: key }, allowed_origins: ['*'] },
    channel: {
      without_namespace: {
        allow_subscribe_for_client: true,
        allow_publish_for_client: true,
        ...history,
        force_recovery: retained > 0,
      },
    },
    ...(brokerUrl.startsWith('redis:')
      ? { engine: { type: 'redis', redis: { address: brokerUrl } } }
      : {}),
    ...(brokerUrl.startsWith('nats:')
      ? { broker: { enabled: true, type: 'nats', nats: { url: brokerUrl } } }
      : {}),
    health: { enabled: true },
    log: { level: 'error' },
  };
}

function nameOf(form: CentrifugoForm): string {
  return form === 'engine' ? 'centrifugo' : 'centrifugo-whole';
}

function connectCommand(token = '{token}'): string {
  return `{"id":1,"connect":{"token":"${token}"}}`;
}

function subscribe(channel: string): string {
  return `{"id":2,"subscribe":{"channel":"${channel}"}}`;
}

/** A line for each subscriber, and as many for publishers as a run can have. */
function writeTokens(name: string, connections: number): string {
  const publishersMax = 1000;
  const sign = createSigner({ key, algorithm: 'HS256' });
  const exp = Math.floor(Date.now() / 1000) + tokenSeconds;
  const lines = Array.from({ length: connections + publishersMax }, (_, i) =>
    sign({ sub: `user${String(i)}`, exp }),
  );
  return writePaths(`tokens-${name}`, lines);
}
