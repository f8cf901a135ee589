/** What the vault itself refuses, told beforehand: characters are no more than bytes. */
export const pathBytesMax = 512
export const actorBytesMax = 512
export const nameBytesMax = 128
