/** Holds payloads to the application's validators, on their way out and in. */
import { TrunklineError } from './errors.ts';
import { matchesPattern } from './schema.ts';
import type { StandardSchema } from './standard-schema.ts';

export type Validators = Readonly<Record<string, StandardSchema | undefined>>;

/** The validator of a group, by the first pattern that its name matches. */
export function validatorOf(validators: Validators, name: string): StandardSchema | undefined {
  return Object.entries(validators).find(([pattern]) => matchesPattern(pattern, name))?.[1];
}

/**
 * What the validator makes of the payload; the payload itself where there is none.
 * @throws TrunklineError `invalid-payload`, `bad-option`.
 */
export function validated(
  validator: StandardSchema | undefined,
  data: unknown,
  where: string,
): unknown {
  if (validator === undefined) return data;
  const result = validator['~standard'].validate(data);
  if (result instanceof Promise) {
    const text = `The validator of ${where} is asynchronous: messages have an order, use another one`;
    throw new TrunklineError('bad-option', text);
  }
  if (result.issues === undefined) return result.value;
  const issues = result.issues.map(({ message }) => message).join('; ');
  throw new TrunklineError('invalid-payload', `The payload of ${where} is not valid: ${issues}`, {
    cause: result.issues,
  });
}
