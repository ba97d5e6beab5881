/** What a client is told of an error: enough to act on it, and nothing of the inside. */
import { GatewayError } from '../errors.ts';
import type { ReplyError } from '../protocol/model.ts';
import { EventError } from './event-handlers.ts';

export function replyErrorOf(error: unknown): ReplyError {
  if (error instanceof EventError) return { name: error.replyName, message: error.message };
  if (!(error instanceof GatewayError)) {
    return { name: 'InternalServerError', message: 'The gateway failed; try again' };
  }
  if (error.code === 'forbidden') return { name: 'Forbidden', message: error.message };
  if (error.code === 'position-diverged') return { name: 'NotFound', message: error.message };
  if (error.status < 500) return { name: 'BadRequest', message: error.message };
  return { name: 'InternalServerError', message: error.message };
}
