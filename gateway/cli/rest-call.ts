/** One request of a command to the REST API of a gateway. */
import { signServerToken } from '../tokens/sign.ts';
import type { GatewayAccess } from './gateway-access.ts';
import { CommandFailure } from './host.ts';

export interface RestRequest {
  readonly method: 'GET' | 'POST';
  /** With a query, where there is one. */
  readonly pathAndQuery: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

export interface RestAnswer {
  readonly headers: Headers;
  readonly body: Buffer;
}

const timeoutMs = 15_000;
const answerLengthMax = 500;

/** The answer to a request that succeeded. @throws CommandFailure that says why it did not. */
export async function callGateway(
  access: GatewayAccess,
  { body, headers = {}, method, pathAndQuery }: RestRequest,
): Promise<RestAnswer> {
  const { href: url } = new URL(access.endpoint + pathAndQuery);
  const token = signServerToken({ accessKey: access.accessKey, url, minutesToExpire: 5 });
  let response: Response;
  let answer: Buffer;
  try {
    response = await fetch(url, {
      method,
      headers: { authorization: `Bearer ${token}`, ...headers },
      ...(body === undefined ? {} : { body }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    answer = Buffer.from(await response.arrayBuffer());
  } catch (error) {
    throw new CommandFailure(
      `Cannot reach the gateway at ${access.endpoint}: ${messageOf(error)}. Does it run there?`,
      { cause: error },
    );
  }
  if (response.ok) return { headers: response.headers, body: answer };
  const hint =
    response.status === 401 ? '; are endpoint and access key those of this gateway?' : '';
  const text = answer.toString().slice(0, answerLengthMax);
  throw new CommandFailure(
    `The gateway at ${access.endpoint} answered ${String(response.status)} ${text}${hint}`,
  );
}

/** `fetch` says no more than "fetch failed"; the cause knows. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? error.cause : error;
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  return cause.message === '' ? code : cause.message;
}
