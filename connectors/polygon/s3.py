"""Flat files from the vendor's S3. boto3 signs and repeats; a body that breaks off is gone on with from its byte."""

from __future__ import annotations

import io
from typing import Any, BinaryIO, cast

from connectors.polygon.flatfiles import FlatFile, MissingFile, RefusedFile, UnreachableFiles

TRIES = 5
BLOCK_BYTES = 1 << 20


class S3Files:
    """``endpoint`` is such as https://files.massive.com. The keys are given to the library and to nothing else."""

    def __init__(self, endpoint: str, bucket: str, access_key: str, secret_key: str) -> None:
        import boto3  # late: half a second
        from botocore.config import Config

        self._bucket = bucket
        self._place = endpoint
        self._client = boto3.client(
            "s3",
            endpoint_url=endpoint,
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            region_name="us-east-1",
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path"},
                connect_timeout=10,
                read_timeout=60,
                retries={"max_attempts": TRIES, "mode": "standard"},
            ),
        )

    def open(self, file: FlatFile) -> tuple[BinaryIO, int]:
        """The object's body as a stream."""
        answer = self.get(file, 0, None)
        body = _Body(self, file, answer)
        return io.BufferedReader(body, BLOCK_BYTES), int(answer["ContentLength"])

    def get(self, file: FlatFile, offset: int, tag: str | None) -> dict[str, Any]:
        """The object from a byte on, as long as it is still the one of ``tag``."""
        from botocore.exceptions import BotoCoreError, ClientError

        more = {"Range": f"bytes={offset}-", "IfMatch": tag} if offset and tag else {}
        name = f"{self._place}/{self._bucket}/{file.path}"
        try:
            return cast(dict[str, Any], self._client.get_object(Bucket=self._bucket, Key=file.path, **more))
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            code = error.response.get("Error", {}).get("Code", "")
            if status == 404:
                raise MissingFile(f"{name}: there is no such file ({code})") from None
            if status in (401, 403):
                raise RefusedFile(
                    f"{name}: refused ({code}): check polygon.flatfiles_access_key and …_secret_key, and whether the "
                    "plan includes these files"
                ) from None
            raise UnreachableFiles(f"{name}: {status} {code}") from None
        except BotoCoreError as error:
            raise UnreachableFiles(f"{name}: {error}") from None


class _Body(io.RawIOBase):
    """An object that is read on from where it broke off."""

    def __init__(self, files: S3Files, file: FlatFile, answer: dict[str, Any]) -> None:
        super().__init__()
        self._files, self._file = files, file
        self._stream, self._tag, self._size = answer["Body"], answer["ETag"], int(answer["ContentLength"])
        self._done = 0

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._done

    def readinto(self, buffer: Any) -> int:
        for _ in range(TRIES):
            try:
                data = self._stream.read(len(buffer))
            except Exception as error:
                if not _broken(error):
                    raise
                data = b""
            if data or self._done >= self._size:
                buffer[: len(data)] = data
                self._done += len(data)
                return len(data)
            self._stream = self._files.get(self._file, self._done, self._tag)["Body"]
        raise UnreachableFiles(f"{self._file.path}: broke off after {self._done} of {self._size} bytes, {TRIES} times")


def _broken(error: Exception) -> bool:
    """Whether the connection broke; the library has many names for it."""
    from botocore.exceptions import HTTPClientError, IncompleteReadError
    from urllib3.exceptions import HTTPError

    return isinstance(error, HTTPClientError | IncompleteReadError | HTTPError | OSError)
