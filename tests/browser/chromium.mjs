// A real Chromium: Debian's, headless, by playwright-core.
import { chromium } from "playwright-core";

/** `launch({args, ...})`: a browser. Its sandbox does not run as root. */
export const launch = (options = {}) =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    chromiumSandbox: process.getuid() !== 0,
    ...options,
  });
