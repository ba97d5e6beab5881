/** Reads JetStream's answer to a publish, by looking for the few words that matter. */
import { BackplaneUnavailableError } from '../../backplane.ts';
import { checkedSequence, faultOf } from './api.ts';
import type { Answer } from './requests.ts';

export interface Ack {
  readonly sequence: number;
  /** True: the id was stored before, at this sequence. */
  readonly isDuplicate: boolean;
}

/** The server's words for an id whose first message has not been stored yet. */
const inProcess = 10_158;

/**
 * undefined: the id is on its way already, and nobody knows yet where it will be.
 * @throws BackplaneUnavailableError: the server did not store it.
 */
export function readAck({ bytes, status }: Pick<Answer, 'bytes' | 'status'>): Ack | undefined {
  if (status !== 0) {
    throw new BackplaneUnavailableError(
      `NATS did not store it: nobody takes messages for this stream (status ${status}); its ` +
        `JetStream is off, the stream was deleted, or it has no leader now`,
    );
  }
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  if (text.includes('"error"')) {
    // The server wrote it: a JSON object with what it has against the message.
    const fault = faultOf(JSON.parse(text) as Readonly<Record<string, unknown>>);
    if (fault?.errCode === inProcess) return undefined;
    throw new BackplaneUnavailableError(`NATS did not store it: ${fault?.description ?? text}`);
  }
  const sequence = checkedSequence(Number(/"seq": ?(\d+)/.exec(text)?.[1]));
  return sequence === 0 ? undefined : { sequence, isDuplicate: text.includes('"duplicate"') };
}
