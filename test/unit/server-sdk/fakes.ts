/** The world of a server SDK under test: time that is moved by hand, answers that a test gives. */
import { setImmediate as turn } from 'node:timers/promises';
import type { Environment, FetchInit, FetchResponse } from '../../../server-sdk/src/environment.ts';
import { createServer, type Server, type ServerOptions } from '../../../server-sdk/src/index.ts';
import { FakeClock } from '../client-sdk/fakes.ts';
import { waitFor } from '../../support/wait.ts';

export interface FakeAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** One attempt, which waits until the test answers it. */
export class FakeRequest {
  readonly url: string;
  readonly init: FetchInit;
  readonly answer: (answer: FakeAnswer) => void;
  readonly fail: (error: Error) => void;

  constructor(
    url: string,
    init: FetchInit,
    settle: {
      readonly resolve: (response: FetchResponse) => void;
      readonly reject: (error: unknown) => void;
    },
  ) {
    this.url = url;
    this.init = init;
    this.fail = settle.reject;
    this.answer = ({ status, headers = {}, body = '' }) => {
      const get = (name: string): string | null => headers[name] ?? null;
      settle.resolve({ status, headers: { get }, text: () => Promise.resolve(body) });
    };
    init.signal.addEventListener('abort', () => settle.reject(new Error('the fetch was aborted')));
  }
}

export class FakeGateway {
  readonly clock = new FakeClock();
  readonly requests: FakeRequest[] = [];
  /** What chance says: the whole of every bound. */
  random = 0.999_999;
  #ids = 0;

  readonly fetch = (url: string, init: FetchInit): Promise<FetchResponse> =>
    new Promise((resolve, reject) => {
      this.requests.push(new FakeRequest(url, init, { resolve, reject }));
    });

  get environment(): Environment {
    return {
      nowMs: () => this.clock.nowMs(),
      wallMs: () => 1_700_000_000_000,
      after: (delayMs, callback) => this.clock.after(delayMs, callback),
      random: () => this.random,
      randomId: () => {
        this.#ids += 1;
        return `id ${this.#ids}`;
      },
    };
  }

  server(options: Partial<ServerOptions> = {}): Server {
    return createServer({
      hub: 'chat',
      endpoint: 'https://gateway.example',
      accessKey: 'an access key of tests, 32 bytes or more',
      fetch: this.fetch,
      environment: this.environment,
      ...options,
    });
  }

  /** The n-th attempt, when it is there. Signing it takes turns of the event loop. */
  async request(number: number): Promise<FakeRequest> {
    const what = `attempt ${number} is made`;
    return waitFor(() => this.requests[number - 1], { what });
  }

  /** Lets everything that is due happen, signing included. */
  async settle(): Promise<void> {
    for (let round = 0; round < 20; round += 1) await turn();
  }
}
