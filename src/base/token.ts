/** A token (RFC9110§5.6.2): the name of a header or parameter, or a method. */
export const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
