/** The REST API: from a request to an answer, whatever happens on the way. */
import type {
  HttpRequest,
  HttpRequestWithBody,
  HttpResponse,
  TransportHandlers,
} from '../transport/transport.ts';
import { authenticate, type ServerTokens } from './authenticate.ts';
import { Call, type RestPorts } from './call.ts';
import { errorAnswer, InvalidArgument, methodNotAllowed, notFound } from './errors.ts';
import { Matcher, type Match } from './match.ts';
import { Query } from './query.ts';
import { routes } from './routes.ts';

export interface RestApiOptions extends RestPorts {
  readonly tokens: ServerTokens;
}

/** From this size on, a token is verified before the body is read, and once more with it. */
const bigBodyBytes = 16 * 1024;

/** Answers every request; never throws, never rejects. */
export class RestApi implements Pick<TransportHandlers, 'onHeaders' | 'onRequest'> {
  readonly #options: RestApiOptions;
  readonly #matcher = new Matcher(routes);

  constructor(options: RestApiOptions) {
    this.#options = options;
  }

  /** Refuses what needs no body to be refused; undefined: read the body. */
  readonly onHeaders = (request: HttpRequest): HttpResponse | undefined => {
    return this.#guard(request, () => {
      const found = this.#find(request);
      if (!('route' in found)) return found;
      const length = request.headers.get('content-length');
      if (found.route.needsToken && (length === undefined || Number(length) >= bigBodyBytes)) {
        authenticate(request, this.#options.tokens);
      }
      this.#checkLength(found, request);
      return undefined;
    });
  };

  /** The answer. Everything is checked here again: it is safe without `onHeaders`. */
  readonly onRequest = async (request: HttpRequestWithBody): Promise<HttpResponse> => {
    try {
      return withoutBodyForHead(request, await this.#answer(request));
    } catch (error) {
      return this.#failure(request, error);
    }
  };

  async #answer(request: HttpRequestWithBody): Promise<HttpResponse> {
    const found = this.#find(request);
    if (!('route' in found)) return found;
    const { route, parameters } = found;
    if (route.needsToken) authenticate(request, this.#options.tokens);
    this.#checkLength(found, request);
    const call = new Call(request, parameters, new Query(request.query), this.#options.limits);
    return route.handler(call, this.#options);
  }

  #find(request: HttpRequest): Match | HttpResponse {
    const path = this.#withoutBasePath(request.path);
    const outcome = this.#matcher.match(request.method, path);
    switch (outcome.kind) {
      case 'found':
        return outcome.match;
      case 'unknown-method':
        return methodNotAllowed(request.method, outcome.allowed);
      case 'unknown-path':
        return notFound(
          'There is nothing at this path; see the OpenAPI document for those there are.',
        );
    }
  }

  /** A proxy in front may keep the base path of the public endpoint, or take it off. */
  #withoutBasePath(path: string): string {
    for (const endpoint of this.#options.endpoints()) {
      const basePath = new URL(endpoint).pathname.replace(/\/+$/, '');
      if (basePath !== '' && path.startsWith(`${basePath}/`)) return path.slice(basePath.length);
    }
    return path;
  }

  /** Azure's words, which tests of applications may look for. */
  #checkLength({ route }: Match, request: HttpRequest): void {
    const text = request.headers.get('content-length');
    if (text === undefined && !route.hasBody && !request.headers.has('transfer-encoding')) return;
    if (text !== undefined && Number(text) <= this.#options.limits.bodyBytesMax) return;
    throw new InvalidArgument(
      'Content-Length',
      'Invalid Content-Length header.',
      text === undefined ? 'bad-request' : 'body-too-large',
    );
  }

  #guard(request: HttpRequest, step: () => HttpResponse | undefined): HttpResponse | undefined {
    try {
      const answer = step();
      return answer === undefined ? undefined : withoutBodyForHead(request, answer);
    } catch (error) {
      return this.#failure(request, error);
    }
  }

  #failure(request: HttpRequest, error: unknown): HttpResponse {
    const { answer, isInternal } = errorAnswer(error);
    if (isInternal) this.#options.onError(error);
    return withoutBodyForHead(request, answer);
  }
}

function withoutBodyForHead(request: HttpRequest, answer: HttpResponse): HttpResponse {
  if (request.method !== 'HEAD') return answer;
  return answer.headers === undefined
    ? { status: answer.status }
    : { status: answer.status, headers: answer.headers };
}
