/** Makes calls to the gateway's REST API: signs, bounds, repeats and reads them. */
import type { Environment, Fetch, FetchResponse } from './environment.ts';
import { TrunklineError } from './errors.ts';
import { checkedNumber, type Access, type CallOptions, type Settings } from './options.ts';
import { retryAfterMs, retryDelayMs } from './retry.ts';
import type { TokenSigner } from './token.ts';

export type QueryValue = string | number | boolean | undefined;

export interface RestCall<Result> {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  /** Segments under the hub, not encoded. */
  readonly path: readonly string[];
  /** Pairs whose value is undefined are left out. */
  readonly query?: readonly (readonly [name: string, value: QueryValue])[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  /** True: a second time has no second effect. */
  readonly isRepeatable: boolean;
  /** True: 404 is an answer, and no error, where the gateway itself gives it. */
  readonly mayBeMissing?: boolean;
  /** What it throws is treated like an error that the gateway answered with. */
  readonly read: (answer: Answer) => Result;
}

/** An answer whose status says that the call was done. */
export interface Answer {
  readonly status: number;
  readonly header: (name: string) => string | undefined;
  readonly text: string;
  readonly requestId: string;
}

export interface RestOptions {
  readonly access: Access;
  readonly settings: Settings;
  readonly environment: Environment;
  readonly signer: TokenSigner;
  readonly fetch: Fetch;
}

/** A token is for one request, which is sent at once. */
const requestTokenLifetimeMs = 5 * 60_000;

export class Rest {
  readonly #options: RestOptions;

  constructor(options: RestOptions) {
    this.#options = options;
  }

  /** @throws TrunklineError, or the reason of the signal. */
  async call<Result>(call: RestCall<Result>, options: CallOptions = {}): Promise<Result> {
    const { environment, settings } = this.#options;
    const { signal } = options;
    const timeoutMs =
      options.timeoutMs === undefined
        ? settings.timeoutMs
        : checkedNumber('timeoutMs', options.timeoutMs);
    const deadlineMs = environment.nowMs() + timeoutMs;
    const requestId = environment.randomId();
    const pathAndQuery = this.#pathAndQuery(call);
    for (let attempt = 0; ; attempt += 1) {
      signal?.throwIfAborted();
      const attemptMs = Math.min(settings.attemptTimeoutMs, deadlineMs - environment.nowMs());
      const limits = { attemptMs, signal };
      try {
        return await this.#attempt(call, { pathAndQuery, requestId }, limits);
      } catch (error) {
        if (!(error instanceof TrunklineError)) throw error;
        const leftMs = deadlineMs - environment.nowMs();
        const failed = { error, attempt, isRepeatable: call.isRepeatable, leftMs };
        const delayMs = retryDelayMs(failed, settings, environment.random);
        if (delayMs === undefined) throw error;
        await this.#wait(delayMs, signal);
      }
    }
  }

  #pathAndQuery({ path, query = [] }: RestCall<unknown>): string {
    const { hub } = this.#options.access;
    const segments = ['api', 'hubs', hub, ...path].map(segmentOf);
    const pairs = query.flatMap(([name, value]) =>
      value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`],
    );
    return `/${segments.join('/')}${pairs.length === 0 ? '' : `?${pairs.join('&')}`}`;
  }

  async #attempt<Result>(
    call: RestCall<Result>,
    { pathAndQuery, requestId }: { pathAndQuery: string; requestId: string },
    { attemptMs, signal }: { attemptMs: number; signal: AbortSignal | undefined },
  ): Promise<Result> {
    const { access, environment, fetch, signer } = this.#options;
    const aud = access.endpoint + pathAndQuery;
    const token = await signer.sign({ aud }, requestTokenLifetimeMs);
    const ending = new AbortController();
    const onAbort = (): void => ending.abort(signal?.reason);
    const timedOut = new TrunklineError(
      'timeout',
      `${call.method} ${aud} was not answered within ${Math.round(attemptMs)} ms`,
      { requestId },
    );
    const cancelTimer = environment.after(attemptMs, () => ending.abort(timedOut));
    signal?.addEventListener('abort', onAbort);
    if (signal?.aborted === true) onAbort();
    try {
      const response = await fetch(access.address + pathAndQuery, {
        method: call.method,
        headers: {
          ...call.headers,
          authorization: `Bearer ${token}`,
          'x-ms-client-request-id': requestId,
        },
        ...(call.body !== undefined && { body: call.body }),
        signal: ending.signal,
      });
      // Read in any case, so that the connection can serve the next call.
      const text = await response.text();
      return call.read(this.#answer(call, response, { text, requestId }));
    } catch (error) {
      if (ending.signal.aborted) throw ending.signal.reason;
      if (error instanceof TrunklineError) throw error;
      const why = error instanceof Error ? error.message : String(error);
      const message = `${call.method} ${aud} got no answer: ${why}`;
      throw new TrunklineError('network', message, { requestId, cause: error });
    } finally {
      cancelTimer();
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** @throws TrunklineError: the status says that it was not done. */
  #answer(
    call: RestCall<unknown>,
    response: FetchResponse,
    { requestId, text }: Pick<Answer, 'text' | 'requestId'>,
  ): Answer {
    const { status } = response;
    const header = (name: string): string | undefined => response.headers.get(name) ?? undefined;
    const code = header('x-ms-error-code');
    const isMissing = call.mayBeMissing === true && status === 404 && code !== undefined;
    if ((status >= 200 && status < 300) || isMissing) return { status, header, text, requestId };
    const { message, target } = detailOf(text);
    const where = `${call.method} ${call.path.join('/')}`;
    const pause = response.headers.get('retry-after');
    throw new TrunklineError(
      code ?? 'refused',
      `${where} was answered with ${status}: ${message ?? code ?? 'not by the gateway itself'}`,
      {
        status,
        requestId,
        target,
        retryAfterMs: retryAfterMs(pause, this.#options.environment.wallMs()),
      },
    );
  }

  /** Rejects with the signal's reason. */
  #wait(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        cancel();
        // Whoever aborts may give anything as the reason.
        reject(signal?.reason as Error);
      };
      const cancel = this.#options.environment.after(delayMs, () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      });
      signal?.addEventListener('abort', onAbort, { once: true });
      if (signal?.aborted === true) onAbort();
    });
  }
}

/** @throws TrunklineError `bad-option`: the name cannot be part of a URL. */
function segmentOf(name: string): string {
  // URLs take these for folders, encoded or not.
  if (name !== '' && name !== '.' && name !== '..' && name.isWellFormed()) {
    return encodeURIComponent(name);
  }
  const text = `A name must be neither empty nor a dot or two, and valid Unicode, got "${name}"`;
  throw new TrunklineError('bad-option', text);
}

/** What the gateway says of an error; nothing where it is not the gateway's answer. */
function detailOf(text: string): { readonly message?: string; readonly target?: string } {
  const value = parsed(text);
  if (typeof value !== 'object' || value === null) return {};
  const { message, target } = value as Readonly<Record<string, unknown>>; // Any object is one.
  return {
    ...(typeof message === 'string' && { message }),
    ...(typeof target === 'string' && { target }),
  };
}

/** undefined: it is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The JSON value of an answer. @throws TrunklineError `bad-answer`. */
export function jsonOf({ requestId, status, text }: Answer): unknown {
  const value = parsed(text);
  if (typeof value === 'object' && value !== null) return value;
  const message = 'The answer is no JSON object: is the endpoint that of a Trunkline gateway?';
  throw new TrunklineError('bad-answer', message, { status, requestId });
}
