/** What the REST API asks of streams where there is no store of them. */
import { GatewayError } from '../errors.ts';
import type { Streams } from '../router/ports.ts';

const refuse = (): Promise<never> =>
  Promise.reject(
    new GatewayError(
      'not-a-stream',
      'This destination is no stream; name it in "streams" of its hub to retain its messages.',
    ),
  );

/** Every destination is none. */
export const noStreams: Streams = { history: refuse, info: refuse, purge: refuse };
