/** A backend that publishes by the REST API and tries again until it knows. */
import { Agent, request } from 'node:http';
import { parsePositionText } from '../../gateway/protocol/position-text.ts';
import { signServerToken } from '../../gateway/tokens/sign.ts';
import type { SeededRandom } from '../support/seeded-random.ts';
import { dataOf, type LossPublication, type LossPublisher } from './publication.ts';
import { hub } from './resuming-client.ts';

export interface RestPublisherOptions {
  readonly name: string;
  /** Base URLs of the nodes and of nginx: each try takes one of them. */
  readonly urls: readonly string[];
  readonly accessKey: string;
  readonly random: SeededRandom;
}

const attemptMsMax = 4000;
const backoffMsMin = 50;
const backoffMsMax = 1500;
/** More wait for their turn: a broker that is away must not meet a storm of retries. */
const inFlightMax = 32;

interface Answer {
  readonly status: number;
  readonly position: string | undefined;
  readonly isDuplicate: boolean;
  readonly body: string;
}

export class RestPublisher implements LossPublisher {
  readonly name: string;
  readonly #options: RestPublisherOptions;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: inFlightMax });
  readonly #tokens = new Map<string, string>();
  readonly #abort = new AbortController();
  /** In the order in which they were due. */
  readonly #waiting: LossPublication[] = [];
  #inFlight = 0;
  pending = 0;

  constructor(options: RestPublisherOptions) {
    this.#options = options;
    this.name = options.name;
  }

  publish(publication: LossPublication): void {
    this.pending += 1;
    this.#waiting.push(publication);
    if (this.#inFlight < inFlightMax) void this.#work();
  }

  stop(): void {
    this.#abort.abort();
    this.#agent.destroy();
  }

  async #work(): Promise<void> {
    this.#inFlight += 1;
    for (;;) {
      const publication = this.#waiting.shift();
      if (publication === undefined || this.#abort.signal.aborted) break;
      await this.#publish(publication);
    }
    this.#inFlight -= 1;
  }

  async #publish(publication: LossPublication): Promise<void> {
    let boundMs = backoffMsMin;
    while (!this.#abort.signal.aborted) {
      publication.attempts += 1;
      // Whatever went wrong, nobody knows whether it was stored: the same id makes it harmless.
      const answer = await this.#attempt(publication).catch((error: unknown) => {
        publication.trouble = String(error);
        return undefined;
      });
      if (answer?.status === 202) {
        this.pending -= 1;
        publication.ackedAt = Date.now();
        publication.position = parsePositionText(answer.position ?? '');
        publication.isDuplicate = answer.isDuplicate;
        return;
      }
      if (answer !== undefined && answer.status < 500 && answer.status !== 429) {
        this.pending -= 1;
        publication.refusal = `status ${answer.status}`;
        return;
      }
      if (answer !== undefined) publication.trouble = `${answer.status} ${answer.body}`;
      const pauseMs = Math.random() * boundMs;
      boundMs = Math.min(boundMs * 2, backoffMsMax);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  #attempt(publication: LossPublication): Promise<Answer> {
    const { random, urls } = this.#options;
    const [kind, name] = publication.stream.split(':');
    const target = `${random.pick(urls)}/api/hubs/${hub}/${kind}s/${name}/:send?api-version=2024-12-01`;
    return new Promise((resolve, reject) => {
      const body = JSON.stringify(dataOf(publication));
      const sent = request(target, {
        method: 'POST',
        agent: this.#agent,
        signal: AbortSignal.any([this.#abort.signal, AbortSignal.timeout(attemptMsMax)]),
        headers: {
          authorization: `Bearer ${this.#tokenFor(target)}`,
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          'idempotency-key': publication.id,
        },
      });
      sent.on('error', reject);
      sent.on('response', (response) => {
        const { headers, statusCode: status = 0 } = response;
        const position = headers['x-trunkline-position'];
        let body = '';
        response.on('data', (chunk: Buffer) => {
          body += chunk.toString();
        });
        response.on('error', reject);
        response.on('end', () => {
          resolve({
            status,
            body,
            position: position?.toString(),
            isDuplicate: headers['x-trunkline-duplicate'] === 'true',
          });
        });
      });
      sent.end(body);
    });
  }

  #tokenFor(url: string): string {
    const known = this.#tokens.get(url);
    if (known !== undefined) return known;
    const token = signServerToken({ accessKey: this.#options.accessKey, url });
    this.#tokens.set(url, token);
    return token;
  }
}
