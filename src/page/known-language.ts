/*
 * Browsers on a system without a locale may name a language that Intl does not know, such as en-US@posix. uPlot hands
 * it to Intl while it is loaded, so this has to be loaded before.
 */
try {
  Intl.getCanonicalLocales(navigator.language);
} catch {
  Object.defineProperty(navigator, 'language', { value: 'en' });
}
