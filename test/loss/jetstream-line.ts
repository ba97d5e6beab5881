/** Questions of the loss test to the JetStream of one server, over a connection for each. */
import { connect } from '@nats-io/transport-node';

const requestMsMax = 5000;

/** What the server says of a stream, as far as it matters here. */
export interface JetStreamInfo {
  readonly cluster?: {
    readonly leader?: string;
    readonly replicas?: readonly { readonly current: boolean }[];
  };
}

export class JetStreamLine {
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
  }

  /** Names of all streams. @throws Error when JetStream does not answer. */
  async names(): Promise<readonly string[]> {
    const answer = await this.ask('NAMES');
    // An answer of the server's own API.
    return (answer as { readonly streams?: readonly string[] | null }).streams ?? [];
  }

  /** @throws Error when JetStream does not answer. */
  async infos(): Promise<readonly JetStreamInfo[]> {
    const infos: JetStreamInfo[] = [];
    for (const name of await this.names()) {
      // An answer of the server's own API.
      infos.push((await this.ask(`INFO.${name}`)) as JetStreamInfo);
    }
    return infos;
  }

  /** @param what follows `$JS.API.STREAM.`. @throws Error with what the server has against it. */
  async ask(what: string): Promise<unknown> {
    const servers = `127.0.0.1:${this.#port}`;
    const connection = await connect({ servers, reconnect: false, timeout: requestMsMax });
    try {
      const subject = `$JS.API.STREAM.${what}`;
      const reply = await connection.request(subject, '', { timeout: requestMsMax });
      const answer: unknown = reply.json();
      if (typeof answer === 'object' && answer !== null && 'error' in answer) {
        throw new Error(`${subject}: ${JSON.stringify(answer.error)}`);
      }
      return answer;
    } finally {
      await connection.close();
    }
  }
}
