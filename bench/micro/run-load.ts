/** One run against one fresh server: start it, load it, end it. */
import { ChildServer, findPort } from './child-server.ts';
import {
  runGenerator,
  type GeneratorHooks,
  type GeneratorOptions,
  type GeneratorResult,
} from './generator.ts';
import { readGatewayCounters, type GatewayCounters } from './metrics-page.ts';
import type { Clients, Target } from './target.ts';

export interface Load {
  readonly target: Target;
  readonly clients: Omit<Clients, 'port'>;
  readonly generator: GeneratorOptions;
  /** Opens the inspector of the server. */
  readonly inspect?: boolean;
}

export interface LoadResult {
  readonly result: GeneratorResult;
  /** Writes to sockets, and messages in them, during the window; where the server tells. */
  readonly writes: number | undefined;
  readonly deliveries: number | undefined;
}

/** Starts a server of the target on a free port, hands it to `use`, ends it whatever happens. */
export async function withServer<T>(
  target: Target,
  inspect: boolean,
  use: (server: ChildServer) => Promise<T>,
): Promise<T> {
  const server = await ChildServer.start(target.command(await findPort(), inspect));
  try {
    return await use(server);
  } finally {
    await server.stop();
  }
}

/** Runs the generator once against a server that is up. */
export async function loadServer(
  server: ChildServer,
  load: Load,
  hooks: GeneratorHooks = {},
): Promise<GeneratorResult> {
  const { port, pid } = server;
  const prepared = load.target.clients({ ...load.clients, port });
  const { connections } = load.clients;
  try {
    const options = { port, pid, connections, ...prepared.options, ...load.generator };
    const result = await runGenerator(options, hooks);
    if (result.failed > 0) {
      throw new Error(
        `${String(result.failed)} connections to ${load.target.name} failed: ${result.firstFailure}`,
      );
    }
    return result;
  } finally {
    prepared.dispose();
  }
}

/** A fresh server for one run with a window; counts its writes where it tells them. */
export async function runLoad(load: Load): Promise<LoadResult> {
  return await withServer(load.target, load.inspect === true, async (server) => {
    let before: Promise<GatewayCounters | undefined> = Promise.resolve(undefined);
    let after = before;
    const read = (): Promise<GatewayCounters | undefined> =>
      load.target.hasMetrics ? readGatewayCounters(server.port) : Promise.resolve(undefined);
    const result = await loadServer(server, load, {
      onMeasuring: () => {
        before = read();
      },
      onMeasured: () => {
        after = read();
      },
    });
    const [from, to] = [await before, await after];
    return {
      result,
      writes: difference(to?.writes, from?.writes),
      deliveries: difference(to?.deliveries, from?.deliveries),
    };
  });
}

function difference(to: number | undefined, from: number | undefined): number | undefined {
  return to === undefined || from === undefined ? undefined : to - from;
}
