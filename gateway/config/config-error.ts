/** The error that stops a start: everything that is wrong with the settings, at once. */
import { GatewayError } from '../errors.ts';

/** Code `bad-setting`. Neither message nor problems hold a secret. */
export class ConfigError extends GatewayError {
  /** One sentence for each wrong setting: the name in its source, what it must be, what it is. */
  readonly problems: readonly string[];

  constructor(problems: readonly string[], options?: ErrorOptions) {
    super('bad-setting', problems.join('\n'), options);
    this.problems = problems;
  }
}
