/** Commands of the loss test to one Redis server, over a connection of its own for each. */
import { Redis } from 'ioredis';

const killsEach = 3;
const killPeriodMs = 300;

export class RedisLine {
  readonly port: number;

  constructor(port: number) {
    this.port = port;
  }

  /** @throws Error when the server does not answer. */
  async call(command: string, ...args: readonly (string | number)[]): Promise<unknown> {
    const redis = new Redis({
      host: '127.0.0.1',
      port: this.port,
      lazyConnect: true,
      retryStrategy: null,
      commandTimeout: 10_000,
    });
    redis.on('error', () => undefined);
    try {
      await redis.connect();
      return await redis.call(command, ...args.map(String));
    } finally {
      redis.disconnect();
    }
  }

  /** Ends all connections of a type (`normal`, `pubsub`), a few times in a row. */
  async killClients(type: string): Promise<void> {
    for (let kill = 0; kill < killsEach; kill += 1) {
      await this.call('CLIENT', 'KILL', 'TYPE', type);
      await new Promise((resolve) => setTimeout(resolve, killPeriodMs));
    }
  }
}
