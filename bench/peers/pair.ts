/** Two processes of a peer and the broker between them, for user-to-user over two nodes. */
import { brokerOf, type Broker } from '../cluster/broker.ts';
import { Guard } from '../cluster/guard.ts';
import { findPort, type ChildServer } from '../micro/child-server.ts';
import type { CrossServers } from '../micro/cross/target.ts';
import type { GeneratorOptions } from '../micro/generator.ts';

/** Starts one of the two; called again for the second when the first accepts connections. */
export type StartServer = (broker: Broker) => Promise<ChildServer>;

/**
 * Starts a broker of its own and both processes. Receivers are to connect to the second, senders to
 * the first; `options` say what they send.
 * @throws Error when one of them does not start; nothing is left running then.
 */
export async function startPair(
  brokerName: 'redis' | 'nats',
  start: StartServer,
  options: GeneratorOptions,
  dispose: () => void = () => undefined,
): Promise<CrossServers> {
  const guard = new Guard();
  const servers: ChildServer[] = [];
  const settings = { port: await findPort(), accessKey: '', guard, onDeath: () => undefined };
  const broker = brokerOf(brokerName, settings);
  const stop = async (): Promise<void> => {
    dispose();
    await Promise.all(servers.map((server) => server.stop()));
    await broker?.process.stop();
    await guard.close();
  };
  try {
    if (broker === undefined) throw new Error(`${brokerName} joins no processes`);
    await broker.process.start();
    const first = await start(broker);
    servers.push(first);
    const second = await start(broker);
    servers.push(second);
    return {
      pids: [first.pid, second.pid, broker.process.pid],
      brokerUrl: broker.url,
      options: { port: second.port, publisherPort: first.port, ...options },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
