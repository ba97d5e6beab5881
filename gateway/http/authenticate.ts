/** Lets a request to the REST API pass, or says with 401 why not. */
import { GatewayError } from '../errors.ts';
import { bearerToken } from '../tokens/bearer.ts';
import type { HttpRequest } from '../transport/transport.ts';

/** What the REST API needs of gateway/tokens. */
export interface ServerTokens {
  /** @throws GatewayError with code `bad-token`. */
  verifyServer(token: string, rawPathAndQuery: string): void;
}

/** @throws GatewayError with code `bad-token`. */
export function authenticate(request: HttpRequest, tokens: ServerTokens): void {
  const authorization = request.headers.get('authorization');
  if (authorization === undefined) {
    throw new GatewayError(
      'bad-token',
      'The request has no Authorization header; send "Bearer" and a token signed with an access ' +
        'key, as the Azure SDKs do with a connection string.',
    );
  }
  const token = bearerToken(authorization);
  if (token === undefined) {
    throw new GatewayError('bad-token', 'The Authorization header must be "Bearer" and a token.');
  }
  const pathAndQuery = request.query === '' ? request.path : `${request.path}?${request.query}`;
  tokens.verifyServer(token, pathAndQuery);
}
