const form = /^[^\n\r\0/\\]+$/u

/** Whether it is the name of a file in its folder, on any system: no way leads out of there. */
export function isOutputName(name: unknown): name is string {
  return typeof name === 'string' && form.test(name) && name !== '.' && name !== '..'
}
