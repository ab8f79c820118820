const secretName =
  /passw|secret|token|credential|authorization|cookie|(?:^|[-_.])auth(?:$|[-_.])|api[-_.]?key|private[-_.]?key/iu;

/** Whether what stands under a name (a key of metadata, a header) may be a secret. */
export function namesSecret(name: string): boolean {
  return secretName.test(name);
}
