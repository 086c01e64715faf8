"""The default HTTP/1.1 client: keep-alive connections of one virtual user on httptools."""
