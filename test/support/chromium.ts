/** Finds and starts the system's Chromium for browser tests; playwright-core brings none. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium, type Browser } from 'playwright-core';

const names = ['chromium', 'chromium-browser', 'google-chrome'];

function findChromium(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const candidates = folders.flatMap((folder) => names.map((name) => join(folder, name)));
  return candidates.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

const executable = findChromium();

/** For the `skip` option of a test: why there is no browser, or false. */
export const noChromium =
  executable === undefined
    ? `no ${names.join(', ')} in the PATH: install Chromium to run the browser tests`
    : false;

/** A headless browser that talks to nobody by itself. The caller closes it. */
export async function launchChromium(): Promise<Browser> {
  if (executable === undefined) throw new Error(String(noChromium));
  return chromium.launch({
    executablePath: executable,
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  });
}
