/** Holds docs/openapi.yaml to OpenAPI 3.1, and to the table of routes in both directions. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { parse } from 'yaml';
import { errorTable } from '../../../../gateway/errors.ts';
import { routes } from '../../../../gateway/http/routes.ts';
import { projectRoot } from '../../../support/source-tree.ts';

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
}

interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly security?: readonly object[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required?: boolean; readonly content: object };
  readonly responses: Readonly<Record<string, { readonly description: string }>>;
}

interface Document {
  readonly openapi: string;
  readonly security: readonly object[];
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

const text = readFileSync(join(projectRoot(), 'docs/openapi.yaml'), 'utf8');

/** The document with every reference replaced by what it names. */
async function resolved(): Promise<Document> {
  const validator = new Validator();
  const { errors, valid } = await validator.validate(text);
  assert.ok(valid, JSON.stringify(errors, undefined, 2));
  // The validator has just held it to the schema of OpenAPI, of which the types above are a part.
  return validator.resolveRefs() as unknown as Document;
}

async function operations() {
  const document = await resolved();
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({
      route: `${method.toUpperCase()} ${path}`,
      path,
      operation,
    })),
  );
}

const routeOf = new Map(routes.map((route) => [`${route.method} ${route.path}`, route]));

describe('docs/openapi.yaml', () => {
  test('it is OpenAPI 3.1, with a token wherever nothing else is said', async () => {
    const { openapi, security } = await resolved();
    assert.match(openapi, /^3\.1\./);
    assert.deepEqual(security, [{ serverToken: [] }]);
  });

  test('operations: those of the routes, with their names, and no others', async () => {
    const named = (await operations()).map(
      ({ operation, route }) => `${route} ${operation.operationId}`,
    );
    assert.deepEqual(
      named.sort(),
      routes.map(({ method, operation, path }) => `${method} ${path} ${operation}`).sort(),
    );
  });

  test('paths: every parameter of a path is there, required, and no other', async () => {
    for (const { operation, path, route } of await operations()) {
      const parameters = (operation.parameters ?? []).filter((each) => each.in === 'path');
      assert.deepEqual(
        parameters.map(({ name }) => `{${name}}`),
        path.match(/\{\w+\}/g) ?? [],
        route,
      );
      assert.ok(
        parameters.every(({ required }) => required === true),
        route,
      );
    }
  });

  test('tokens: an operation is open exactly where its route is', async () => {
    for (const { operation, route } of await operations()) {
      const isOpen = operation.security?.length === 0;
      assert.equal(isOpen, routeOf.get(route)?.needsToken === false, route);
      if (!isOpen) assert.ok('401' in operation.responses, route);
    }
  });

  test('bodies: there is one exactly where the route has one', async () => {
    for (const { operation, route } of await operations()) {
      assert.equal(operation.requestBody !== undefined, routeOf.get(route)?.hasBody, route);
      if (operation.requestBody !== undefined) {
        assert.equal(operation.requestBody.required, true, route);
        assert.ok('415' in operation.responses, route);
      }
    }
  });

  test('answers: each has a success, and errors only of the table of errors', async () => {
    const statuses = new Set<number>(Object.values(errorTable).map(({ status }) => status));
    for (const { operation, route } of await operations()) {
      const all = Object.keys(operation.responses).map(Number);
      assert.equal(all.filter((status) => status < 300).length, 1, route);
      const unknown = all.filter((status) => status >= 300 && !statuses.has(status));
      assert.deepEqual(unknown, [], route);
    }
  });

  test('tags and components: none that is not used, none that is not there', async () => {
    const { components, tags } = await resolved();
    const used = new Set((await operations()).flatMap(({ operation }) => operation.tags));
    assert.deepEqual([...used].sort(), tags.map(({ name }) => name).sort());
    // As it is written, not resolved: a reference is a text.
    const written = JSON.stringify(parse(text));
    const unused = Object.entries(components)
      .filter(([kind]) => kind !== 'securitySchemes')
      .flatMap(([kind, group]) => Object.keys(group).map((name) => `#/components/${kind}/${name}`))
      .filter((reference) => !written.includes(`"${reference}"`));
    assert.deepEqual(unused, []);
  });
});
