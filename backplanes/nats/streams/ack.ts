/** Reads JetStream's answer to a publish, by looking for the few words that matter. */
import { BackplaneUnavailableError, PublishOutcomeUnknownError } from '../../backplane.ts';
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
 * @throws BackplaneUnavailableError: the server did not store it. PublishOutcomeUnknownError: the id
 *   is on its way already.
 */
export function readAck({ bytes, status }: Pick<Answer, 'bytes' | 'status'>): Ack {
  if (status !== 0) {
    throw new BackplaneUnavailableError(
      `NATS did not store it: nobody takes messages for this stream (status ${status}); its ` +
        `JetStream is off, the stream was deleted, or it has no leader now`,
    );
  }
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  if (text.includes('"error"')) throw refusal(text);
  const sequence = checkedSequence(Number(/"seq": ?(\d+)/.exec(text)?.[1]));
  const isDuplicate = text.includes('"duplicate"');
  // The leader knows the id, but not yet where its message will be.
  if (sequence === 0) throw new PublishOutcomeUnknownError(`NATS has not stored it yet: ${text}`);
  return { sequence, isDuplicate };
}

function refusal(text: string): Error {
  // The server wrote it: a JSON object with what it has against the message.
  const fault = faultOf(JSON.parse(text) as Readonly<Record<string, unknown>>);
  const description = fault?.description ?? text;
  if (fault?.errCode === inProcess) {
    return new PublishOutcomeUnknownError(`NATS has not stored it yet: ${description}`);
  }
  return new BackplaneUnavailableError(`NATS did not store it: ${description}`);
}
