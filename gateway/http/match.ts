/**
 * Finds the route of a path. The raw path is split first and each segment decoded after it: a slash
 * in a user's name arrives as %2F and must not split anything.
 */
import { shown } from '../protocol/shown.ts';
import { InvalidArgument } from './errors.ts';
import type { Route } from './routes.ts';

export interface Match {
  readonly route: Route;
  readonly parameters: ReadonlyMap<string, string>;
}

export type MatchOutcome =
  | { readonly kind: 'found'; readonly match: Match }
  | { readonly kind: 'unknown-path' }
  | { readonly kind: 'unknown-method'; readonly allowed: readonly string[] };

type Template = readonly { readonly text: string; readonly isParameter: boolean }[];

/** The routes of one path template, by method. */
interface Place {
  readonly template: Template;
  readonly byMethod: Map<string, Route>;
}

export class Matcher {
  readonly #places = new Map<string, Place>();

  constructor(routes: readonly Route[]) {
    for (const route of routes) {
      const place = this.#places.get(route.path);
      if (place !== undefined) {
        place.byMethod.set(route.method, route);
        continue;
      }
      const byMethod = new Map<string, Route>([[route.method, route]]);
      this.#places.set(route.path, { template: templateOf(route.path), byMethod });
    }
  }

  /**
   * HEAD is answered wherever GET is.
   * @throws InvalidArgument: a parameter with a bad percent-encoding.
   */
  match(method: string, path: string): MatchOutcome {
    const segments = path.split('/');
    for (const { template, byMethod } of this.#places.values()) {
      if (!fits(template, segments)) continue;
      const route = byMethod.get(method) ?? (method === 'HEAD' ? byMethod.get('GET') : undefined);
      if (route === undefined) return { kind: 'unknown-method', allowed: [...byMethod.keys()] };
      return { kind: 'found', match: { route, parameters: parametersOf(template, segments) } };
    }
    return { kind: 'unknown-path' };
  }
}

function templateOf(path: string): Template {
  return path.split('/').map((segment) => {
    const isParameter = segment.startsWith('{');
    return { text: isParameter ? segment.slice(1, -1) : segment, isParameter };
  });
}

function fits(template: Template, segments: readonly string[]): boolean {
  if (template.length !== segments.length) return false;
  return template.every(({ text, isParameter }, index) => {
    const segment = segments[index] ?? '';
    if (isParameter) return segment !== '';
    // Some HTTP libraries encode the colon of a verb.
    return segment === text || segment.replace(/^%3a/i, ':') === text;
  });
}

function parametersOf(template: Template, segments: readonly string[]): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const [index, { text, isParameter }] of template.entries()) {
    if (!isParameter) continue;
    const segment = segments[index] ?? '';
    try {
      parameters.set(text, decodeURIComponent(segment));
    } catch {
      throw new InvalidArgument(
        text,
        `The ${text} in the path has a bad percent-encoding: ${shown(segment)}.`,
      );
    }
  }
  return parameters;
}
