/** Says to the gateway's users what a failing backplane means for them. */
import {
  BackplaneUnavailableError,
  PublishOutcomeUnknownError,
} from '../../backplanes/backplane.ts';
import { GatewayError } from '../errors.ts';

/** The error for the world behind a rejected backplane operation. */
export function unavailable(cause: unknown): GatewayError {
  if (cause instanceof GatewayError) return cause;
  if (cause instanceof PublishOutcomeUnknownError) {
    return new GatewayError(
      'publish-outcome-unknown',
      `The backplane did not answer in time; the message may or may not have been sent. ` +
        `Send it again if a repeat does no harm. (${cause.message})`,
      { cause },
    );
  }
  if (cause instanceof BackplaneUnavailableError) {
    return new GatewayError(
      'backplane-unavailable',
      `The backplane did not accept it; try again later. (${cause.message})`,
      { cause },
    );
  }
  return new GatewayError('internal', 'The backplane failed', { cause });
}
