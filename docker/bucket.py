"""Makes the bucket that VENICEWEB_STORAGE_URL names, where there is none. Files in the data folder
need nothing."""

import os
import sys
from urllib.parse import parse_qs, unquote, urlsplit


def main(address: str) -> None:
    parts = urlsplit(address)
    if parts.scheme != "s3":
        return
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    region, endpoint = query.get("region") or "us-east-1", query.get("endpoint")
    keys = {}
    if parts.username and parts.password:
        keys["aws_access_key_id"] = unquote(parts.username)
        keys["aws_secret_access_key"] = unquote(parts.password)
    client = boto3.client("s3", endpoint_url=endpoint, region_name=region, **keys)
    try:
        _make(client, parts.hostname, region)
    except (BotoCoreError, ClientError) as problem:
        sys.exit(f"The bucket {parts.hostname} cannot be used: {problem}")


def _make(client, bucket: str, region: str) -> None:
    from botocore.exceptions import ClientError

    try:
        client.head_bucket(Bucket=bucket)
    except ClientError as problem:
        if problem.response["Error"]["Code"] not in ("404", "NoSuchBucket"):
            raise
        # Amazon takes every region but its first as a constraint, and refuses that one.
        place = {"CreateBucketConfiguration": {"LocationConstraint": region}}
        client.create_bucket(Bucket=bucket, **({} if region == "us-east-1" else place))


if __name__ == "__main__":
    main(os.environ.get("VENICEWEB_STORAGE_URL", ""))
