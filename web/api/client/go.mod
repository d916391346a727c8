module github.com/gatehouse-auth/gatehouse/web/api/client

go 1.26.0
